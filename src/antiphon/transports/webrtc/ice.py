"""How clients reach us: the settings of it, and ICE candidates as data.

Source: RFC 8445 and RFC 8839 (ICE).
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

_CANDIDATE = re.compile(
    r"(?P<foundation>[a-zA-Z0-9+/]{1,32}) (?P<component>[0-9]{1,3}) (?P<transport>[A-Za-z]{1,8}) "
    r"(?P<priority>[0-9]{1,10}) (?P<address>[0-9a-fA-F.:]{2,45}) (?P<port>[0-9]{1,5}) "
    r"typ (?P<kind>host|srflx|prflx|relay)(?: .*)?"
)
_TYPE_PREFERENCES = {"host": 126, "prflx": 110, "srflx": 100, "relay": 0}  # RFC 8445, 5.1.2.2
MAX_LOCAL_ADDRESSES = 8


@dataclass(frozen=True)
class TurnServer:
    """A TURN server for this side of the call; `url` is `turn:HOST[:PORT][?transport=udp|tcp]` or `turns:…`."""

    url: str
    username: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"TurnServer(url={self.url!r})"


@dataclass(frozen=True)
class IceOptions:
    """How this server is reached, and how long a client may take.

    Args:
        addresses: Of this machine, to receive at; all of its own when empty.
        public_addresses: Announced in place of this machine's own, where a NAT forwards every port 1:1. `PUBLIC` stands
            for each of the machine's addresses of its kind, `PUBLIC/LOCAL` for that one. One of the machine's own is
            announced as it is.
        ports: The lowest and the highest UDP port to use; any free one with (0, 0).
        port: One UDP port for all calls, in place of `ports`; none with 0.
        stun: `stun:HOST[:PORT]`, asked for this server's public address; none when empty.
        turn: A TURN server that this server itself is reached through.
        include_loopback: Also receive at loopback addresses: browsers on this machine need no network then.
        gather_seconds: How long STUN and TURN servers may take to answer.
        connect_seconds: How long ICE and DTLS may take, from the answer on.
    """

    addresses: tuple[str, ...] = ()
    public_addresses: tuple[str, ...] = ()
    ports: tuple[int, int] = (0, 0)
    port: int = 0
    stun: str = ""
    turn: TurnServer | None = None
    include_loopback: bool = False
    gather_seconds: float = 2.0
    connect_seconds: float = 20.0


@dataclass(frozen=True)
class Candidate:
    """A UDP address where one side may be reached; as text it is what stands after `a=candidate:`."""

    address: str
    port: int
    kind: str = "host"
    foundation: str = "1"
    priority: int = 1
    related: tuple[str, int] | None = None

    def __str__(self) -> str:
        related = f" raddr {self.related[0]} rport {self.related[1]}" if self.related else ""
        return f"{self.foundation} 1 udp {self.priority} {self.address} {self.port} typ {self.kind}{related}"


def read_candidate(text: str) -> Candidate | None:
    """Return the candidate in `text`, None for one of no use here.

    Of no use are other transports than UDP, names (`….local` is resolved by nobody here: such a client is learned from
    what it sends), addresses that are no single host's, and whatever is malformed.
    """
    match = _CANDIDATE.fullmatch(text)
    if match is None or match["component"] != "1" or match["transport"].lower() != "udp":
        return None
    port, priority = int(match["port"]), int(match["priority"])
    if not is_sendable(match["address"], port) or not 0 < priority < 2**31:
        return None
    address = str(ipaddress.ip_address(match["address"]))
    # A peer-reflexive one is never signalled; it is reached as any other.
    kind = "host" if match["kind"] == "prflx" else match["kind"]
    return Candidate(address, port, kind, match["foundation"], priority)


def is_sendable(address: str, port: int) -> bool:
    """Whether a datagram may be sent there: the literal address of one host, and a port that exists."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    broadcast = address == "255.255.255.255"
    return 0 < port < 65_536 and not (parsed.is_multicast or parsed.is_unspecified or broadcast)


def receiving_addresses(options: IceOptions, own: Iterable[str]) -> tuple[str, ...]:
    """Return the addresses to open sockets at, out of the machine's `own`."""
    chosen = options.addresses or tuple(address for address in own if not _is_hidden(address))
    loopback = tuple(address for address in own if _is_loopback(address)) if options.include_loopback else ()
    return tuple(dict.fromkeys((*loopback, *chosen)))[:MAX_LOCAL_ADDRESSES]


def _is_hidden(address: str) -> bool:
    # Link-local ones of IPv6 reach nobody without the name of an interface.
    parsed = ipaddress.ip_address(address)
    return _is_loopback(address) or (parsed.version == 6 and parsed.is_link_local)


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback


def announced(candidates: Iterable[Candidate], public_addresses: tuple[str, ...]) -> tuple[Candidate, ...]:
    """Return the candidates for the answer: public addresses in place of the machine's own, the best first."""
    gathered = tuple(candidates)
    own = frozenset(candidate.address for candidate in gathered if candidate.kind == "host")
    seen: dict[tuple[str, int], Candidate] = {}
    for candidate in gathered:
        for address in _shown(candidate, public_addresses, own):
            seen.setdefault((address, candidate.port), replace(candidate, address=address))
    return tuple(_ranked(candidate, place) for place, candidate in enumerate(seen.values()))


def _shown(candidate: Candidate, public_addresses: tuple[str, ...], own: frozenset[str]) -> Iterator[str]:
    """Yield what is announced for one candidate."""
    if candidate.kind != "host" or not public_addresses or _is_loopback(candidate.address):
        yield candidate.address
        return
    version = ipaddress.ip_address(candidate.address).version
    for public, _, local in (entry.partition("/") for entry in public_addresses):
        is_ours = local in ("", candidate.address) and ipaddress.ip_address(public).version == version
        if public == candidate.address or (is_ours and public not in own):
            yield public


def _ranked(candidate: Candidate, place: int) -> Candidate:
    """Give `candidate` its priority among ours, and a foundation of its own."""
    priority = (_TYPE_PREFERENCES[candidate.kind] << 24) | ((65_535 - place) << 8) | 255
    return replace(candidate, priority=priority, foundation=str(place + 1))
