"""SDP: a client's offer, checked, and the answer to it. Pure text work; it needs no WebRTC library.

All accepted sections share one transport (BUNDLE, rtcp-mux). Audio and a data channel are accepted, the first of each;
everything else in the offer is refused with port 0.

Source: RFC 8866 (SDP), RFC 8829 (JSEP), RFC 9143 (BUNDLE), RFC 8839 (ICE), RFC 8122 (fingerprints), RFC 8841 (SCTP).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from antiphon.errors import ClientEventError
from antiphon.transports.webrtc.ice import Candidate, read_candidate

MAX_OFFER_BYTES = 65_536
MAX_SECTIONS = 64
MAX_CANDIDATES = 32
MAX_FINGERPRINTS = 8
# What RFC 8841 says of a client that names no size.
DEFAULT_MESSAGE_BYTES = 65_536
CNAME = "realtimeapi"
OPUS_PARAMETERS = "minptime=10;useinbandfec=1"

_T = TypeVar("_T")
_MEDIA = re.compile(r"([a-zA-Z0-9-]{1,32}) ([0-9]{1,5})(?:/[0-9]+)? ([A-Z/]{1,64})((?: [A-Za-z0-9_.*-]{1,64})+)")
_MID = re.compile(r"[!-~]{1,64}")
_UFRAG = re.compile(r"[a-zA-Z0-9+/]{4,256}")
_PASSWORD = re.compile(r"[a-zA-Z0-9+/]{22,256}")
_NUMBER = re.compile(r"[0-9]{1,10}")
# Hash functions with the length of their values; older ones prove nothing.
_HASHES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
_DIRECTIONS = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
# The client's role to ours: we are the server wherever we may choose.
_SETUPS = {"actpass": "passive", "active": "passive", "passive": "active"}
_STATIC = {0: ("PCMU", 8000, 1), 8: ("PCMA", 8000, 1)}  # RFC 3551
_WANTED = {("opus", 48_000, 2): "opus", ("pcmu", 8_000, 1): "PCMU", ("pcma", 8_000, 1): "PCMA"}
_AUDIO_PROTOCOLS = frozenset({"UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "RTP/SAVPF", "RTP/SAVP"})
_CHANNEL_PROTOCOLS = frozenset({"UDP/DTLS/SCTP", "DTLS/SCTP", "TCP/DTLS/SCTP"})


@dataclass(frozen=True)
class Codec:
    """One codec that the client offers and we have.

    Args:
        payload_type: Its number in the client's offer and in our answer.
        name: `opus`, `PCMU` or `PCMA`.
        clock_rate: In Hz.
        parameters: The client's `fmtp`, such as `{"useinbandfec": "1"}`.
    """

    payload_type: int
    name: str
    clock_rate: int
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Audio:
    """The audio section that is accepted: codecs in the client's order of preference, and our direction."""

    codecs: tuple[Codec, ...]
    direction: str

    @property
    def sends(self) -> bool:
        """Whether we may send audio."""
        return self.direction in ("sendrecv", "sendonly")

    @property
    def receives(self) -> bool:
        """Whether the client may send audio."""
        return self.direction in ("sendrecv", "recvonly")


@dataclass(frozen=True)
class Channel:
    """The section of data channels that is accepted.

    Args:
        port: The client's SCTP port.
        max_message_bytes: The largest message that the client takes; 0 for any.
        legacy: Whether it is in the older form, with `a=sctpmap`.
    """

    port: int
    max_message_bytes: int
    legacy: bool


@dataclass(frozen=True)
class _Section:
    """One m-line with its attributes, as offered."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    attributes: tuple[tuple[str, str], ...]

    def values(self, name: str) -> Iterator[str]:
        return (value for attribute, value in self.attributes if attribute == name)

    def value(self, name: str) -> str | None:
        return next(self.values(name), None)

    @property
    def mid(self) -> str | None:
        return self.value("mid")

    @property
    def is_offered(self) -> bool:
        return self.port != 0 or self.value("bundle-only") is not None


@dataclass(frozen=True)
class Offer:
    """A client's offer, checked: what there is to know for answering it and for reaching the client.

    Args:
        ufrag, password: The client's ICE credentials.
        lite: Whether the client speaks ICE lite.
        fingerprints: Of its certificate: hash function in lower case, value in capitals.
        setup: Our side of DTLS: `passive` (server) or `active`.
        candidates: Where it may be reached: addresses only, no names.
        audio, channel: What is accepted; at least one of them is there.
    """

    ufrag: str
    password: str
    lite: bool
    fingerprints: tuple[tuple[str, str], ...]
    setup: str
    candidates: tuple[Candidate, ...]
    audio: Audio | None
    channel: Channel | None
    _sections: tuple[_Section, ...] = field(repr=False)
    _accepted: Mapping[int, Audio | Channel] = field(repr=False)
    _bundled: bool = field(repr=False)


@dataclass(frozen=True)
class Local:
    """Our side of the answer.

    Args:
        ufrag, password: Our ICE credentials.
        fingerprint: SHA-256 of our certificate, in SDP's form.
        candidates: Where we can be reached.
        ssrc: Of the audio that we send.
        max_message_bytes: The largest message that we take from the data channel.
        session_id: A number for the `o=` line.
    """

    ufrag: str
    password: str
    fingerprint: str
    candidates: tuple[Candidate, ...]
    ssrc: int
    max_message_bytes: int
    session_id: int


def refusal(message: str) -> ClientEventError:
    """Return the error for an offer that cannot be answered."""
    return ClientEventError("invalid_offer", message, "sdp")


def parse_offer(text: str | bytes) -> Offer:
    """Read and check an offer.

    Raises:
        ClientEventError: `invalid_offer`, saying what is wrong; nothing else is ever raised.
    """
    head, sections = _split(_decoded(text))
    for section in sections:
        if section.mid is not None and not _MID.fullmatch(section.mid):
            raise refusal("an a=mid of the offer is not a token")
    group = _bundle(head)
    accepted = _accept(sections, group)
    _check_something_was_accepted(sections, accepted)
    carriers = [head, *(sections[index] for index in accepted)]
    return Offer(
        ufrag=_required(carriers, "ice-ufrag", _UFRAG, "4 to 256 letters, digits, + and /"),
        password=_required(carriers, "ice-pwd", _PASSWORD, "22 to 256 letters, digits, + and /"),
        lite=head.value("ice-lite") is not None,
        fingerprints=_fingerprints(carriers),
        setup=_setup(carriers),
        candidates=_candidates(carriers),
        audio=next((each for each in accepted.values() if isinstance(each, Audio)), None),
        channel=next((each for each in accepted.values() if isinstance(each, Channel)), None),
        _sections=sections,
        _accepted=accepted,
        _bundled=bool(group),
    )


# --- reading ----------------------------------------------------------------------------------------------------------


def _decoded(text: str | bytes) -> str:
    if len(text) > MAX_OFFER_BYTES:
        raise refusal(f"the offer has {len(text)} bytes; the most that is read is {MAX_OFFER_BYTES}")
    if isinstance(text, str):
        return text
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise refusal("the offer is not UTF-8 text; send the SDP as createOffer() made it") from None


def _split(text: str) -> tuple[_Section, tuple[_Section, ...]]:
    """Return the part before the first m-line, as a section without media, and the sections."""
    lines = [line.strip() for line in re.split(r"\r\n|\r|\n", text)]
    lines = [line for line in lines if line]
    if not lines or lines[0] != "v=0":
        raise refusal("the offer is not SDP: it does not begin with v=0; send the SDP as createOffer() made it")
    starts = [number for number, line in enumerate(lines) if line.startswith("m=")]
    if not starts:
        raise refusal("the offer has no m-line; add an audio track or a data channel before createOffer()")
    if len(starts) > MAX_SECTIONS:
        raise refusal(f"the offer has {len(starts)} m-lines; the most that is read is {MAX_SECTIONS}")
    ends = [*starts[1:], len(lines)]
    head = _Section("", 0, "", (), _attributes(lines[: starts[0]]))
    return head, tuple(_section(lines[start:end]) for start, end in zip(starts, ends, strict=True))


def _section(lines: list[str]) -> _Section:
    match = _MEDIA.fullmatch(lines[0][2:])
    if match is None or int(match[2]) > 65_535:
        raise refusal(f"the offer's line {lines[0][:100]!r} is not an m-line")
    return _Section(match[1], int(match[2]), match[3], tuple(match[4].split()), _attributes(lines[1:]))


def _attributes(lines: list[str]) -> tuple[tuple[str, str], ...]:
    found = (line[2:].partition(":") for line in lines if line.startswith("a="))
    return tuple((name.strip().lower(), value.strip()) for name, _, value in found)


def _bundle(head: _Section) -> tuple[str, ...]:
    """Return the mids of the sections that share one transport."""
    for value in head.values("group"):
        semantics, *mids = value.split() or [""]
        if semantics.upper() == "BUNDLE" and mids:
            return tuple(mids)
    return ()


def _accept(sections: tuple[_Section, ...], group: tuple[str, ...]) -> dict[int, Audio | Channel]:
    """Choose the first audio section and the first one of data channels that can share a transport."""
    readers: dict[str, Callable[[_Section], Audio | Channel | None]] = {"audio": _audio, "application": _channel}
    accepted: dict[int, Audio | Channel] = {}
    for index, section in enumerate(sections):
        # What is outside of the group would need a transport of its own.
        alone = not group and bool(accepted)
        if section.kind not in readers or not section.is_offered or alone or (group and section.mid not in group):
            continue
        if (content := readers[section.kind](section)) is not None:
            accepted[index] = content
            del readers[section.kind]
    return accepted


def _check_something_was_accepted(sections: tuple[_Section, ...], accepted: Mapping[int, Audio | Channel]) -> None:
    kinds = {section.kind for section in sections if section.is_offered}
    has_audio = any(isinstance(each, Audio) for each in accepted.values())
    if "audio" in kinds and not has_audio:
        raise refusal(_why_no_audio(sections))
    if not accepted:
        raise refusal("the offer has neither audio nor a data channel that can be used; add one before createOffer()")


def _why_no_audio(sections: tuple[_Section, ...]) -> str:
    offered = [section for section in sections if section.kind == "audio" and section.is_offered]
    if not any(section.protocol in _AUDIO_PROTOCOLS for section in offered):
        return f"the offer's audio is {offered[0].protocol}; only encrypted audio, UDP/TLS/RTP/SAVPF, is answered"
    if not any(map(_codecs, offered)):
        return "the offer has no audio codec that is known here; offer opus/48000/2, PCMU/8000 or PCMA/8000"
    if not any(section.value("rtcp-mux") is not None for section in offered):
        return "the offer's audio lacks a=rtcp-mux; RTCP is taken only on the port of RTP"
    return "the offer's audio is not in its BUNDLE group; all of a call goes over one transport"


def _audio(section: _Section) -> Audio | None:
    codecs = _codecs(section)
    if not codecs or section.protocol not in _AUDIO_PROTOCOLS or section.value("rtcp-mux") is None:
        return None
    offered = next((name for name, _ in section.attributes if name in _DIRECTIONS), "sendrecv")
    return Audio(codecs, _DIRECTIONS[offered])


def _codecs(section: _Section) -> tuple[Codec, ...]:
    maps = dict(_numbered(section.values("rtpmap"), _encoding))
    parameters = dict(_numbered(section.values("fmtp"), _parameters))
    codecs = []
    for payload_type in dict.fromkeys(int(each) for each in section.formats if _is_payload_type(each)):
        name, rate, channels = maps.get(payload_type) or _STATIC.get(payload_type) or ("", 0, 0)
        if known := _WANTED.get((name.lower(), rate, channels)):
            codecs.append(Codec(payload_type, known, rate, parameters.get(payload_type, {})))
    return tuple(codecs)


def _is_payload_type(text: str) -> bool:
    # RFC 5761: the numbers from 64 to 95 look like RTCP on a shared port.
    return bool(_NUMBER.fullmatch(text)) and (int(text) < 64 or 96 <= int(text) <= 127)


def _numbered(values: Iterator[str], read: Callable[[str], _T]) -> Iterator[tuple[int, _T]]:
    for value in values:
        number, _, rest = value.partition(" ")
        if _NUMBER.fullmatch(number):
            yield int(number), read(rest)


def _encoding(text: str) -> tuple[str, int, int]:
    name, rate, channels, *_ = [*text.strip().split("/"), "", "", ""]
    return name, _number(rate, 0), _number(channels, 1)


def _parameters(text: str) -> dict[str, str]:
    pairs = (each.partition("=") for each in text.split(";")[:64])
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and _NUMBER.fullmatch(text) else otherwise


def _channel(section: _Section) -> Channel | None:
    legacy = section.value("sctpmap")
    port = _number((legacy or "").partition(" ")[0], 0) if legacy else _number(section.value("sctp-port"), 5000)
    protocol_ok = section.protocol in _CHANNEL_PROTOCOLS
    if not protocol_ok or not 0 < port < 65_536 or not (legacy or "webrtc-datachannel" in section.formats):
        return None
    return Channel(port, _number(section.value("max-message-size"), DEFAULT_MESSAGE_BYTES), bool(legacy))


def _required(carriers: list[_Section], name: str, form: re.Pattern[str], expects: str) -> str:
    # The first accepted section carries the transport; what stands before the sections holds for all.
    value = _carried(carriers, name)
    if value is None:
        raise refusal(f"the offer has no a={name}; send the SDP of an RTCPeerConnection as createOffer() made it")
    if not form.fullmatch(value):
        raise refusal(f"the offer's a={name} is not usable; it has {expects}")
    return value


def _carried(carriers: list[_Section], name: str) -> str | None:
    head, *sections = carriers
    return next((value for section in [*sections, head] if (value := section.value(name)) is not None), None)


def _fingerprints(carriers: list[_Section]) -> tuple[tuple[str, str], ...]:
    head, *sections = carriers
    values = next((found for section in [*sections, head] if (found := list(section.values("fingerprint")))), [])
    if not values:
        raise refusal("the offer has no a=fingerprint; only calls encrypted with DTLS are answered")
    known = [print_ for value in values[:MAX_FINGERPRINTS] if (print_ := _fingerprint(value)) is not None]
    if not known:
        raise refusal("the offer's a=fingerprint is not usable; give one of SHA-256, SHA-384 or SHA-512")
    return tuple(dict.fromkeys(known))


def _fingerprint(value: str) -> tuple[str, str] | None:
    name, _, digits = value.partition(" ")
    length = _HASHES.get(name.lower(), 0)
    usable = length and re.fullmatch(rf"([0-9A-Fa-f]{{2}}:){{{length - 1}}}[0-9A-Fa-f]{{2}}", digits)
    return (name.lower(), digits.upper()) if usable else None


def _setup(carriers: list[_Section]) -> str:
    value = _carried(carriers, "setup") or "actpass"
    if value not in _SETUPS:
        raise refusal(f"the offer's a=setup is {value[:32]!r}; it is actpass, active or passive")
    return _SETUPS[value]


def _candidates(carriers: list[_Section]) -> tuple[Candidate, ...]:
    found: dict[tuple[str, int], Candidate] = {}
    for value in (value for section in carriers for value in section.values("candidate")):
        candidate = read_candidate(value)
        if candidate is not None and len(found) < MAX_CANDIDATES:
            found.setdefault((candidate.address, candidate.port), candidate)
    return tuple(found.values())


# --- writing ----------------------------------------------------------------------------------------------------------


def write_answer(offer: Offer, local: Local) -> str:
    """Return the SDP answer: every m-line of the offer in its order, those that are not accepted with port 0."""
    lines = ["v=0", f"o=- {local.session_id} 2 IN IP4 127.0.0.1", "s=-", "t=0 0"]
    mids = [offer._sections[index].mid for index in offer._accepted]
    if offer._bundled:
        lines.append("a=group:BUNDLE " + " ".join(mid for mid in mids if mid))
    lines.append(f"a=msid-semantic: WMS {CNAME}")
    first = True
    for index, section in enumerate(offer._sections):
        content = offer._accepted.get(index)
        if content is None:
            lines += _refused(section)
            continue
        lines += (
            _audio_lines(section, content, local)
            if isinstance(content, Audio)
            else _channel_lines(section, content, local)
        )
        lines += _transport_lines(offer, local, with_candidates=first)
        first = False
    return "\r\n".join(lines) + "\r\n"


def _refused(section: _Section) -> list[str]:
    lines = [f"m={section.kind} 0 {section.protocol} {' '.join(section.formats)}", "c=IN IP4 0.0.0.0"]
    # JSEP: a section that is refused still says which one it is.
    return [*lines, *_mid(section), "a=inactive"]


def _mid(section: _Section) -> list[str]:
    return [f"a=mid:{section.mid}"] if section.mid else []


def _audio_lines(section: _Section, audio: Audio, local: Local) -> list[str]:
    formats = " ".join(str(codec.payload_type) for codec in audio.codecs)
    lines = [f"m=audio 9 {section.protocol} {formats}", "c=IN IP4 0.0.0.0", "a=rtcp:9 IN IP4 0.0.0.0", *_mid(section)]
    lines += [f"a={audio.direction}", "a=rtcp-mux"]
    for codec in audio.codecs:
        channels = "/2" if codec.name == "opus" else ""
        lines.append(f"a=rtpmap:{codec.payload_type} {codec.name}/{codec.clock_rate}{channels}")
        if codec.name == "opus":
            lines.append(f"a=fmtp:{codec.payload_type} {OPUS_PARAMETERS}")
    if audio.sends:
        # Pages play `event.streams[0]`, so the track must be in a stream.
        lines += [
            f"a=msid:{CNAME} audio",
            f"a=ssrc:{local.ssrc} cname:{CNAME}",
            f"a=ssrc:{local.ssrc} msid:{CNAME} audio",
        ]
    return lines


def _channel_lines(section: _Section, channel: Channel, local: Local) -> list[str]:
    lines = [f"m=application 9 {section.protocol} {' '.join(section.formats)}", "c=IN IP4 0.0.0.0", *_mid(section)]
    # The older form names the port in the m-line and again with the number of streams.
    lines.append(
        f"a=sctpmap:{channel.port} webrtc-datachannel 65535" if channel.legacy else f"a=sctp-port:{channel.port}"
    )
    return [*lines, f"a=max-message-size:{local.max_message_bytes}"]


def _transport_lines(offer: Offer, local: Local, with_candidates: bool) -> list[str]:
    lines = [f"a=candidate:{candidate}" for candidate in local.candidates] if with_candidates else []
    lines += ["a=end-of-candidates"] if with_candidates else []
    return [
        *lines,
        f"a=ice-ufrag:{local.ufrag}",
        f"a=ice-pwd:{local.password}",
        f"a=fingerprint:sha-256 {local.fingerprint}",
        f"a=setup:{offer.setup}",
    ]
