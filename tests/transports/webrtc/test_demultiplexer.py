"""Whose a datagram is, told from bytes and addresses alone."""

import random
from collections.abc import Iterator

import pytest
from aioice.stun import Class, Message, Method

from antiphon.transports.webrtc import demultiplexer
from antiphon.transports.webrtc.demultiplexer import Address, Demultiplexer, ufrag_of

HOME, CAFE = ("203.0.113.7", 4000), ("198.51.100.1", 5000)
RTP, DTLS = b"\x80\x60" + bytes(40), b"\x16\xfe\xfd" + bytes(40)
PASSWORD = b"p" * 24


def request(ufrag: str, number: int = 0) -> bytes:
    """A check, from a client that knows the password; `number` tells transactions apart."""
    message = Message(Method.BINDING, Class.REQUEST, number.to_bytes(12, "big"))
    message.attributes.update({"USERNAME": f"{ufrag}:theirs", "PRIORITY": 1, "ICE-CONTROLLING": 7})
    message.add_message_integrity(PASSWORD)
    return bytes(message)


def answer(number: int = 0, kind: Class = Class.RESPONSE) -> bytes:
    return bytes(Message(Method.BINDING, kind, number.to_bytes(12, "big")))


class Pool:
    """A demultiplexer with the calls `anna` and `ben`, named after their ufrags."""

    def __init__(self) -> None:
        self.calls: Demultiplexer[str] = Demultiplexer()
        for name in ("anna", "ben"):
            self.calls.add(name, name)

    def check(self, name: str, address: Address) -> None:
        """Let a client's check arrive, and its call answer it."""
        owner = self.calls.owner(request(name), address)
        assert owner == name
        self.calls.sent(owner, answer(), address)

    def owner(self, address: Address) -> str | None:
        owner = self.calls.owner(RTP, address)
        assert owner == self.calls.owner(DTLS, address)
        return owner


@pytest.fixture
def pool() -> Pool:
    return Pool()


def test_a_check_is_for_the_call_that_it_names(pool: Pool) -> None:
    assert pool.calls.owner(request("anna"), HOME) == "anna"
    assert pool.calls.owner(request("ben"), HOME) == "ben"
    assert pool.calls.owner(request("carl"), HOME) is None
    assert pool.calls.owner(request("anna2"), HOME) is None


def test_media_is_for_the_call_that_answered_a_check_from_its_address(pool: Pool) -> None:
    pool.check("anna", HOME)
    pool.check("ben", CAFE)
    assert (pool.owner(HOME), pool.owner(CAFE)) == ("anna", "ben")
    assert pool.owner((HOME[0], HOME[1] + 1)) is None


def test_a_check_that_was_not_answered_proves_nothing(pool: Pool) -> None:
    """It had the wrong password: calls answer that with an error, if at all."""
    owner = pool.calls.owner(request("anna"), HOME)
    assert owner == "anna"
    assert pool.owner(HOME) is None
    pool.calls.sent(owner, answer(kind=Class.ERROR), HOME)
    assert pool.owner(HOME) is None


def test_a_client_has_all_addresses_that_it_checks_from(pool: Pool) -> None:
    pool.check("anna", HOME)
    pool.check("anna", CAFE)
    assert (pool.owner(HOME), pool.owner(CAFE)) == ("anna", "anna")


def test_an_address_moves_to_the_call_that_it_proves_to_be_of(pool: Pool) -> None:
    pool.check("anna", HOME)
    pool.check("ben", HOME)
    assert pool.owner(HOME) == "ben"
    pool.calls.discard("anna")
    assert pool.owner(HOME) == "ben"
    pool.calls.discard("ben")
    assert pool.owner(HOME) is None


@pytest.mark.parametrize("kind", [Class.RESPONSE, Class.ERROR])
def test_an_answer_is_for_the_call_that_asked(pool: Pool, kind: Class) -> None:
    """Wherever it comes from: a client that never checked, or a STUN server that both calls ask."""
    pool.calls.sent("anna", request("theirs", 1), HOME)
    pool.calls.sent("ben", request("theirs", 2), HOME)
    assert pool.calls.owner(answer(1, kind), HOME) == "anna"
    assert pool.calls.owner(answer(2, kind), CAFE) == "ben"
    assert pool.calls.owner(answer(3, kind), HOME) is None


def test_stun_from_a_known_address_is_not_taken_for_media(pool: Pool) -> None:
    pool.check("anna", HOME)
    assert pool.calls.owner(request("carl"), HOME) is None
    assert pool.calls.owner(answer(9), HOME) is None
    assert pool.calls.owner(answer(9, Class.INDICATION), HOME) is None


def test_a_call_that_is_gone_is_forgotten(pool: Pool) -> None:
    for name in ("anna", "ben"):
        pool.check(name, HOME)
        pool.check(name, CAFE)
        pool.calls.sent(name, request("theirs", ord(name[0])), HOME)
    pool.calls.discard("anna")
    pool.calls.discard("anna")
    assert pool.calls.owner(request("anna"), HOME) is None
    assert pool.calls.owner(answer(ord("a")), HOME) is None
    pool.calls.sent("anna", answer(), HOME)  # a goodbye that is late
    pool.calls.sent("anna", request("theirs", 3), HOME)
    assert (len(pool.calls), pool.calls.addresses, pool.calls.transactions) == (1, 2, 1)
    pool.calls.discard("ben")
    assert (len(pool.calls), pool.calls.addresses, pool.calls.transactions) == (0, 0, 0)


# --- bounds -----------------------------------------------------------------------------------------------------------


def test_a_client_that_makes_up_addresses_loses_the_ones_it_proved_longest_ago(pool: Pool) -> None:
    pool.check("ben", CAFE)
    for port in range(1, 100):
        pool.check("anna", (HOME[0], port))
        pool.check("anna", HOME)  # in use, and so proven again and again
    assert pool.calls.addresses == demultiplexer.MAX_ADDRESSES_OF_ONE + 1
    assert pool.owner((HOME[0], 99)) == pool.owner(HOME) == "anna"
    assert pool.owner((HOME[0], 1)) is None
    assert pool.owner(CAFE) == "ben"


def test_addresses_are_bounded_in_all(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demultiplexer, "MAX_ADDRESSES", 10)
    for port in range(1, 20):
        pool.check("anna" if port % 2 else "ben", (HOME[0], port))
    assert pool.calls.addresses == 10
    assert [pool.owner((HOME[0], port)) for port in (9, 10, 11, 19)] == [None, "ben", "anna", "anna"]
    for name in ("anna", "ben"):
        pool.calls.discard(name)
    assert pool.calls.addresses == 0


def test_questions_are_bounded(pool: Pool) -> None:
    pool.calls.sent("ben", request("theirs", 5000), HOME)
    for number in range(1000):
        pool.calls.sent("anna", request("theirs", number), HOME)
        pool.calls.sent("anna", request("theirs", 1001), HOME)  # asked again
    assert pool.calls.transactions == demultiplexer.MAX_TRANSACTIONS_OF_ONE + 1
    assert pool.calls.owner(answer(999), HOME) == pool.calls.owner(answer(1001), HOME) == "anna"
    assert pool.calls.owner(answer(0), HOME) is None
    assert pool.calls.owner(answer(5000), HOME) == "ben"


# --- strangers' bytes -------------------------------------------------------------------------------------------------


def mangled() -> Iterator[bytes]:
    """Checks for `anna` with each byte changed, cut anywhere, and made up."""
    right, rng = request("anna"), random.Random(7)
    for at in range(len(right)):
        yield right[:at]
        yield right[:at] + bytes([right[at] ^ 255]) + right[at + 1 :]
    for length in (0, 1, 19, 20, 21, 23, 24, 100, 2048):
        yield from (bytes([first]) + rng.randbytes(length) for first in range(5))
        yield right[:20] + rng.randbytes(length)
        yield right[:20] + bytes(length)  # attributes without length, of no kind


def test_any_bytes_are_for_somebody_or_for_nobody(pool: Pool) -> None:
    owners = {pool.calls.owner(data, HOME) for data in mangled()}
    assert owners == {"anna", None}
    assert pool.calls.addresses == pool.calls.transactions == 0


def test_a_name_is_looked_for_among_the_first_attributes_only() -> None:
    """2 KB of attributes without end would cost as much as a hundred checks."""
    header, name = request("anna")[:20], b"\x00\x06\x00\x06anna:x\x00\x00"
    assert ufrag_of(header + name) == b"anna"
    assert ufrag_of(header + b"\x80\x22\x00\x03abc\x00" + name) == b"anna"
    assert ufrag_of(header + b"\x80\x22\x00\x00" * 15 + name) == b"anna"
    assert ufrag_of(header + b"\x80\x22\x00\x00" * 16 + name) == b""
    assert ufrag_of(header) == b""


def test_random_calls_and_addresses_agree_with_a_plain_model() -> None:
    """Whatever happens in whatever order, an address is of the call that last answered from it and still lives."""
    rng = random.Random(11)
    calls: Demultiplexer[int] = Demultiplexer()
    model: dict[Address, int] = {}
    alive: list[int] = []
    for step in range(4000):
        address = (HOME[0], rng.randrange(1, 12))
        kind = rng.random()
        if kind < 0.1 or not alive:
            calls.add(str(step), step)
            alive.append(step)
        elif kind < 0.2:
            gone = alive.pop(rng.randrange(len(alive)))
            calls.discard(gone)
            model = {at: owner for at, owner in model.items() if owner != gone}
        elif kind < 0.6:
            owner = rng.choice(alive)
            calls.sent(owner, answer(), address)
            model[address] = owner
        assert calls.owner(RTP, address) == model.get(address)
        assert (len(calls), calls.addresses) == (len(alive), len(model))
