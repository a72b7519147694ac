"""Whose datagram is it? One UDP port carries all calls, and this tells them apart.

Source: RFC 8445 (ICE), RFC 8489 (STUN), RFC 7983 (how STUN, DTLS and RTP share a port).
"""

from typing import Generic, TypeVar

Address = tuple[str, int]
Member = TypeVar("Member")

# Of one call, at one of our addresses: a client has one for each of its networks, and gets new ones as NATs like it.
MAX_ADDRESSES_OF_ONE = 16
MAX_ADDRESSES = 65_536
# More than a call can have under way: one for each of the client's candidates, signalled or learned.
MAX_TRANSACTIONS_OF_ONE = 128
_MAX_ATTRIBUTES = 16  # looked through for USERNAME, which everybody puts first

_REQUEST, _SUCCESS, _FAILURE = b"\x00\x01", b"\x01\x01", b"\x01\x11"  # of a binding
_USERNAME = b"\x00\x06"
_COOKIE = b"\x21\x12\xa4\x42"
_HEADER_BYTES = 20
_LAST_OF_STUN = 3  # RFC 7983: higher first bytes are DTLS, RTP, RTCP


class Demultiplexer(Generic[Member]):
    """Finds the member that a datagram is for.

    A check is for the member whose ufrag it names. An answer to a check is for the member that asked. All else is for
    the member that last answered a check from the same address, and it answers only who knows its password; so an
    address moves when it shows another member's.
    """

    def __init__(self) -> None:
        self._by_ufrag: dict[bytes, Member] = {}
        self._by_transaction: dict[bytes, Member] = {}
        self._by_address: dict[Address, Member] = {}  # the longest unproven first
        self._members: dict[Member, _Known] = {}

    def __len__(self) -> int:
        return len(self._members)

    @property
    def members(self) -> tuple[Member, ...]:
        return tuple(self._members)

    @property
    def addresses(self) -> int:
        """How many addresses are known, of all members."""
        return len(self._by_address)

    @property
    def transactions(self) -> int:
        """How many answers are looked out for, of all members."""
        return len(self._by_transaction)

    def add(self, ufrag: str, member: Member) -> None:
        known = _Known(ufrag.encode())
        self._members[member] = known
        self._by_ufrag[known.ufrag] = member

    def discard(self, member: Member) -> None:
        """Forget a member and all that was known of it."""
        known = self._members.pop(member, None)
        if known is None:
            return
        self._by_ufrag.pop(known.ufrag, None)
        for address in known.addresses:
            del self._by_address[address]
        for transaction in known.transactions:
            del self._by_transaction[transaction]

    def owner(self, data: bytes, address: Address) -> Member | None:
        """Return whom a datagram is for, None for nobody. Any bytes will do."""
        if data and data[0] > _LAST_OF_STUN:
            return self._by_address.get(address)
        if len(data) < _HEADER_BYTES or data[4:8] != _COOKIE:
            return None
        kind = data[:2]
        if kind == _REQUEST:
            return self._by_ufrag.get(ufrag_of(data))
        return self._by_transaction.get(data[8:20]) if kind in (_SUCCESS, _FAILURE) else None

    def sent(self, member: Member, data: bytes, address: Address) -> None:
        """Learn from the STUN that `member` sends: whose answer will come, and who knows its password."""
        known = self._members.get(member)
        if known is None:
            return
        kind = data[:2]
        if kind == _REQUEST:
            self._expect(member, known, data[8:20])
        elif kind == _SUCCESS:
            self._prove(member, known, address)

    def _expect(self, member: Member, known: "_Known", transaction: bytes) -> None:
        known.transactions.pop(transaction, None)  # asked again; the newest stand last
        known.transactions[transaction] = None
        self._by_transaction[transaction] = member
        if len(known.transactions) > MAX_TRANSACTIONS_OF_ONE:
            oldest = next(iter(known.transactions))
            del known.transactions[oldest], self._by_transaction[oldest]

    def _prove(self, member: Member, known: "_Known", address: Address) -> None:
        self._forget(address)
        known.addresses[address] = None
        self._by_address[address] = member
        if len(known.addresses) > MAX_ADDRESSES_OF_ONE:
            self._forget(next(iter(known.addresses)))
        if len(self._by_address) > MAX_ADDRESSES:
            self._forget(next(iter(self._by_address)))

    def _forget(self, address: Address) -> None:
        member = self._by_address.pop(address, None)
        if member is not None:
            del self._members[member].addresses[address]


class _Known:
    """What is known of one member; the oldest entries stand first."""

    __slots__ = ("addresses", "transactions", "ufrag")

    def __init__(self, ufrag: bytes) -> None:
        self.ufrag = ufrag
        self.addresses: dict[Address, None] = {}
        self.transactions: dict[bytes, None] = {}


def ufrag_of(request: bytes) -> bytes:
    """Return whom a binding request is for: the first half of its USERNAME, b"" where there is none."""
    at = _HEADER_BYTES
    for _ in range(_MAX_ATTRIBUTES):
        length = int.from_bytes(request[at + 2 : at + 4], "big")
        if request[at : at + 2] == _USERNAME:
            return request[at + 4 : at + 4 + length].partition(b":")[0]
        at += 4 + length + -length % 4
    return b""
