"""The settings of WebRTC: how browsers reach this server's media, and what they are given for getting through NATs."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass

from antiphon.config.declaring import secret_setting, setting
from antiphon.config.values import BOOLEAN, Kind, choice, integer, optional_text, seconds, secret, show

# No literal IPv6 addresses: what asks these servers for this one does not read them.
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
_STUN = re.compile(rf"stun:{_HOST}(?::[0-9]{{1,5}})?")
_TURN = re.compile(rf"turns?:{_HOST}(?::[0-9]{{1,5}})?(?:\?transport=(?:udp|tcp))?")


def _list(expects: str, noun: str, fits: Callable[[str], bool]) -> Kind[tuple[str, ...]]:
    """Texts, separated by commas or as a list; "" is none."""

    def read(raw: object) -> tuple[str, ...]:
        entries = raw.split(",") if isinstance(raw, str) else raw
        if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
            raise ValueError(f"{show(raw)} is not a list; give {expects}")
        stripped = [entry.strip() for entry in entries if entry.strip()]
        for entry in stripped:
            if not fits(entry):
                raise ValueError(f"{show(entry)} is not {noun}; give {expects}")
        return tuple(stripped)

    return Kind(expects, read)


def _is_address(text: str) -> bool:
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not parsed.is_unspecified and not parsed.is_multicast and "%" not in text


def _is_public_address(text: str) -> bool:
    public, slash, local = text.partition("/")
    both = _is_address(public) and (not slash or _is_address(local))
    return both and (not slash or ipaddress.ip_address(public).version == ipaddress.ip_address(local).version)


def _is_url(form: re.Pattern[str]) -> Callable[[str], bool]:
    def fits(text: str) -> bool:
        port = re.search(r":([0-9]+)(?:\?|$)", text)
        return form.fullmatch(text) is not None and (port is None or 0 < int(port[1]) < 65_536)

    return fits


ADDRESSES = _list("addresses such as 192.168.1.5, separated by commas", "an address of a machine", _is_address)
PUBLIC_ADDRESSES = _list(
    "addresses such as 203.0.113.7 or 203.0.113.7/10.0.0.5, separated by commas", "an address", _is_public_address
)
STUN_URLS = _list("URLs such as stun:stun.example.com:3478, separated by commas", "a STUN URL", _is_url(_STUN))
TURN_URLS = _list(
    "URLs such as turn:turn.example.com:3478?transport=udp, separated by commas", "a TURN URL", _is_url(_TURN)
)


@dataclass(frozen=True)
class WebRtcSettings:
    """Calls over WebRTC: how browsers reach this server's media, and what helps them through NATs."""

    enabled: str = setting(
        "auto",
        choice("a choice", "auto", "on", "off"),
        "Whether WebRTC calls are answered. `auto` answers them when the extra `webrtc` is installed; with `on` the "
        "server does not start without it.",
        flag="--webrtc",
        stands_for_table=True,
    )
    address: tuple[str, ...] = setting(
        (),
        ADDRESSES,
        "This machine's addresses that media is received at. Unset, all of its own, whatever `server.host` is.",
    )
    public_address: tuple[str, ...] = setting(
        (),
        PUBLIC_ADDRESSES,
        "Told to browsers in place of this machine's own addresses, for a server behind a NAT that forwards the UDP "
        "ports unchanged. `PUBLIC/LOCAL` stands for one of the machine's addresses, `PUBLIC` for each of its kind; "
        "one of the machine's own is told as it is.",
        flag="--public-address",
    )
    port: int = setting(
        0,
        integer(0, 65_535, "a port", " (each call has a port of its own)"),
        "One UDP port for the media of all calls, on each address.",
    )
    port_min: int = setting(
        0,
        integer(0, 65_535, "a port", " (any free one)"),
        "Lowest UDP port for media, where each call has a port of its own.",
    )
    port_max: int = setting(
        0,
        integer(0, 65_535, "a port", " (any free one)"),
        "Highest UDP port for media; a call takes one on each address. The same as the lowest is one for all calls.",
    )
    stun: tuple[str, ...] = setting(
        (),
        STUN_URLS,
        "STUN servers for browsers; this server asks the first of them for its own public address.",
    )
    turn: tuple[str, ...] = setting((), TURN_URLS, "TURN servers that browsers are given, with credentials.")
    turn_secret: str | None = secret_setting(
        None,
        secret("TURN secret"),
        "What coturn has as `static-auth-secret`; browsers get credentials made from it that run out.",
    )
    turn_ttl: int = setting(86_400, integer(60, 2_592_000), "How long such credentials hold, in seconds.")
    turn_username: str = setting(
        "",
        optional_text("a user name", "the name that the TURN server knows"),
        "For TURN servers without such a secret.",
    )
    turn_password: str | None = secret_setting(None, secret("TURN password"), "Goes along with `webrtc.turn_username`.")
    turn_for_server: bool = setting(
        False,
        BOOLEAN,
        "Also reach browsers through the first TURN server from this side, for a server that no UDP comes in to.",
    )
    connect_seconds: float = setting(
        20.0, seconds(1, 120), "How long a browser may take to connect after it was answered."
    )
    media_seconds: float = setting(
        15.0, seconds(1, 600), "How long a connected browser may send no audio before it is told so."
    )
