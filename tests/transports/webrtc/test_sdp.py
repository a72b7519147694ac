"""Offers that clients send, the answers to them, and what is wrong with the others."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.errors import ClientEventError
from antiphon.transports.webrtc.ice import Candidate
from antiphon.transports.webrtc.sdp import MAX_CANDIDATES, Channel, Local, Offer, parse_offer, write_answer
from tests.transports.webrtc.offers import AIORTC, ALL, CHROME, FINGERPRINT, FIREFOX, SAFARI

OURS = Local(
    ufrag="ufragufr",
    password="p" * 24,
    fingerprint=FINGERPRINT,
    candidates=(Candidate("198.51.100.7", 40_000, foundation="1", priority=2_130_706_431),),
    ssrc=12_345,
    max_message_bytes=262_144,
    session_id=7,
)


def sections_of(answer: str) -> list[list[str]]:
    """The lines of the answer from each m-line on; the first entry is what stands before."""
    sections: list[list[str]] = [[]]
    for line in answer.split("\r\n")[:-1]:
        if line.startswith("m="):
            sections.append([])
        sections[-1].append(line)
    return sections


def answered(offer: str) -> list[list[str]]:
    return sections_of(write_answer(parse_offer(offer), OURS))


def problem_of(offer: str | bytes) -> str:
    with pytest.raises(ClientEventError) as caught:
        parse_offer(offer)
    assert (caught.value.code, caught.value.param) == ("invalid_offer", "sdp")
    return caught.value.message


# --- offers as browsers send them -------------------------------------------------------------------------------------


def test_chromes_offer_is_understood() -> None:
    offer = parse_offer(CHROME)
    assert (offer.ufrag, offer.password) == ("Qk7C", "6F9sQyDDpzSBCYcoEnEe5Hmh")
    assert offer.fingerprints == (("sha-256", FINGERPRINT),)
    assert offer.setup == "passive"
    assert offer.audio is not None
    assert [(each.payload_type, each.name) for each in offer.audio.codecs] == [(111, "opus"), (0, "PCMU"), (8, "PCMA")]
    assert offer.audio.codecs[0].parameters == {"minptime": "10", "useinbandfec": "1"}
    assert offer.channel == Channel(5000, 262_144, legacy=False)


def test_names_and_tcp_candidates_are_left_out() -> None:
    """The browser behind a name is learned from what it sends."""
    assert [(each.address, each.port, each.kind) for each in parse_offer(CHROME).candidates] == [
        ("203.0.113.9", 53_127, "srflx")
    ]


def test_firefoxs_offer_keeps_its_fingerprint_before_the_sections() -> None:
    offer = parse_offer(FIREFOX)
    assert offer.fingerprints == (("sha-256", FINGERPRINT),)
    assert [each.address for each in offer.candidates] == ["2001:db8::20"]  # and no RTCP component
    assert offer.channel == Channel(5000, 1_073_741_823, legacy=False)


def test_an_older_data_channel_and_mids_of_words_are_understood() -> None:
    offer = parse_offer(SAFARI)
    assert offer.channel == Channel(5000, 65_536, legacy=True)
    assert offer.audio is not None
    assert offer.audio.direction == "sendonly"
    assert not offer.audio.receives


def test_an_offer_may_have_a_data_channel_alone() -> None:
    offer = parse_offer(AIORTC)
    assert offer.audio is None
    assert [name for name, _ in offer.fingerprints] == ["sha-256", "sha-384", "sha-512"]


def test_an_offer_may_have_audio_alone() -> None:
    offer = parse_offer(CHROME[: CHROME.index("m=application")])
    assert offer.channel is None
    assert offer.audio is not None


def test_line_ends_may_be_plain() -> None:
    assert parse_offer(CHROME.replace("\r\n", "\n")) == parse_offer(CHROME) == parse_offer(CHROME.encode())


# --- answers ----------------------------------------------------------------------------------------------------------


def test_the_answer_to_chrome_is_complete() -> None:
    head, audio, channel = answered(CHROME)
    assert "a=group:BUNDLE 0 1" in head
    assert audio[0] == "m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8"
    for line in (
        "a=mid:0",
        "a=sendrecv",
        "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=ssrc:12345 cname:realtimeapi",
        "a=candidate:1 1 udp 2130706431 198.51.100.7 40000 typ host",
        "a=end-of-candidates",
        "a=ice-ufrag:ufragufr",
        "a=setup:passive",
        f"a=fingerprint:sha-256 {FINGERPRINT}",
    ):
        assert line in audio, line
    assert channel[0] == "m=application 9 UDP/DTLS/SCTP webrtc-datachannel"
    assert {"a=mid:1", "a=sctp-port:5000", "a=max-message-size:262144", "a=setup:passive"} <= set(channel)


def test_the_track_is_in_a_stream() -> None:
    """Pages play `event.streams[0]`."""
    assert "a=msid:realtimeapi audio" in answered(CHROME)[1]


def test_video_is_refused_and_the_rest_goes_on() -> None:
    head, audio, video, channel = answered(SAFARI)
    assert "a=group:BUNDLE audio data" in head
    assert audio[0].startswith("m=audio 9 ")
    assert video[0] == "m=video 0 UDP/TLS/RTP/SAVPF 96"
    assert "a=mid:video" in video
    assert channel[0] == "m=application 9 DTLS/SCTP 5000"
    assert "a=sctpmap:5000 webrtc-datachannel 65535" in channel


def test_a_second_audio_section_is_refused() -> None:
    second = CHROME[CHROME.index("m=audio") : CHROME.index("m=application")].replace("a=mid:0", "a=mid:2")
    _, first, _, other = answered(CHROME.replace("BUNDLE 0 1", "BUNDLE 0 1 2") + second)
    assert first[0].startswith("m=audio 9 ")
    assert other[0].startswith("m=audio 0 ")


@pytest.mark.parametrize(
    ("offered", "ours"),
    [("sendrecv", "sendrecv"), ("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive")],
)
def test_our_direction_is_the_other_way_round(offered: str, ours: str) -> None:
    lines = answered(CHROME.replace("a=sendrecv", f"a={offered}"))[1]
    assert f"a={ours}" in lines
    assert any(line.startswith("a=ssrc:") for line in lines) is (ours in ("sendrecv", "sendonly"))


@pytest.mark.parametrize(("offered", "ours"), [("actpass", "passive"), ("active", "passive"), ("passive", "active")])
def test_our_dtls_role_fits_the_clients(offered: str, ours: str) -> None:
    _, audio, channel = answered(CHROME.replace("a=setup:actpass", f"a=setup:{offered}"))
    assert f"a=setup:{ours}" in audio
    assert f"a=setup:{ours}" in channel


def test_without_a_bundle_only_the_first_section_is_accepted() -> None:
    head, audio, channel = answered(CHROME.replace("a=group:BUNDLE 0 1\r\n", ""))
    assert not any("BUNDLE" in line for line in head)
    assert audio[0].startswith("m=audio 9 ")
    assert channel[0].startswith("m=application 0 ")


def test_a_bundle_only_section_is_offered_though_its_port_is_0() -> None:
    offer = CHROME.replace("m=application 9 ", "m=application 0 ").replace("a=mid:1", "a=bundle-only\r\na=mid:1")
    assert parse_offer(offer).channel is not None
    assert parse_offer(CHROME.replace("m=application 9 ", "m=application 0 ")).channel is None


def test_static_payload_types_need_no_rtpmap() -> None:
    offer = re.sub(r"a=rtpmap:[^\r]*\r\n", "", CHROME)
    audio = parse_offer(offer).audio
    assert audio is not None
    assert [each.name for each in audio.codecs] == ["PCMU", "PCMA"]


def test_candidates_are_bounded() -> None:
    many = "".join(f"a=candidate:{n} 1 udp {n + 1} 10.0.{n // 250}.{n % 250 + 1} 5000 typ host\r\n" for n in range(500))
    assert len(parse_offer(CHROME.replace("a=ice-ufrag", many + "a=ice-ufrag", 1)).candidates) == MAX_CANDIDATES


@pytest.mark.parametrize(
    "candidate",
    [
        "1 1 udp 1 0.0.0.0 5000 typ host",
        "1 1 udp 1 224.0.0.1 5000 typ host",
        "1 1 udp 1 255.255.255.255 5000 typ host",
        "1 1 udp 1 10.0.0.1 0 typ host",
        "1 1 udp 1 10.0.0.1 65536 typ host",
        "1 1 udp 0 10.0.0.1 5000 typ host",
        "1 1 udp 4294967296 10.0.0.1 5000 typ host",
        "1 1 udp 1 10.0.0 5000 typ host",
        "1 1 udp 1 example.com 5000 typ host",
        "1 1 udp 1 10.0.0.1 5000 typ guess",
        "1 1 udp 1 10.0.0.1 5000",
        "",
    ],
)
def test_a_candidate_of_no_use_is_left_out(candidate: str) -> None:
    offer = AIORTC.replace("a=end-of-candidates", f"a=candidate:{candidate}")
    assert [each.address for each in parse_offer(offer).candidates] == ["192.0.2.30"]


# --- what cannot be answered ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offer", "problem"),
    [
        ("", "is not SDP"),
        ('{"type": "offer", "sdp": "v=0"}', "is not SDP"),
        (b"v=0\r\n\xff", "not UTF-8"),
        ("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n", "has no m-line"),
        (CHROME + "a=x:" + "y" * 70_000, "the most that is read is 65536"),
        (CHROME + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n" * 70, "72 m-lines"),
        (CHROME + "m=what is this\r\n", "is not an m-line"),
        (CHROME + "m=video 70000 UDP/TLS/RTP/SAVPF 96\r\n", "is not an m-line"),
        (re.sub("a=fingerprint:.*\r\n", "", CHROME), "has no a=fingerprint"),
        (CHROME.replace("sha-256", "sha-1"), "a=fingerprint is not usable"),
        (CHROME.replace("A5:A5", "A5"), "a=fingerprint is not usable"),
        (re.sub("a=ice-ufrag:.*\r\n", "", CHROME), "has no a=ice-ufrag"),
        (re.sub("a=ice-pwd:.*\r\n", "", CHROME), "has no a=ice-pwd"),
        (CHROME.replace("ice-ufrag:Qk7C", "ice-ufrag:Q"), "a=ice-ufrag is not usable"),
        (CHROME.replace("ice-pwd:6F9s", "ice-pwd:6F s"), "a=ice-pwd is not usable"),
        (CHROME.replace("opus", "speex").replace("PCM", "XCM"), "no audio codec that is known here"),
        (CHROME.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), "only encrypted audio"),
        (CHROME.replace("a=rtcp-mux\r\n", ""), "lacks a=rtcp-mux"),
        (CHROME.replace("BUNDLE 0 1", "BUNDLE 1"), "not in its BUNDLE group"),
        (CHROME.replace("a=setup:actpass", "a=setup:holdconn"), "a=setup is 'holdconn'"),
        (CHROME.replace("a=mid:0", "a=mid:0 0"), "a=mid of the offer is not a token"),
        (SAFARI.replace("m=audio 9", "m=audio 0").replace("m=application 9", "m=application 0"), "neither audio nor"),
    ],
)
def test_an_offer_that_cannot_be_answered_is_refused_with_the_reason(offer: str | bytes, problem: str) -> None:
    assert problem in problem_of(offer)


# --- whatever comes ---------------------------------------------------------------------------------------------------

_PIECES = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["", " ", ":", "/", "0", "-1", "99999999999", "\x00", "\r", "\n", "\u2028", "a=", "m=", "\uff19"]),
)
_EDITS = st.lists(st.tuples(st.sampled_from("delete insert replace double cut swap".split()), st.integers(0), _PIECES))


def edited(offer: str, edits: list[tuple[str, int, str]]) -> str:
    """Return the offer with words and lines changed."""
    parts = re.split(r"([ :/;=]|\r\n)", offer)
    for kind, number, piece in edits:
        place = number % max(1, len(parts))
        if kind == "delete":
            del parts[place : place + 1]
        elif kind == "insert":
            parts.insert(place, piece)
        elif kind == "replace":
            parts[place : place + 1] = [piece]
        elif kind == "double":
            parts[place:place] = parts[max(0, place - 9) : place]
        elif kind == "swap":
            parts[place : place + 9] = reversed(parts[place : place + 9])
        else:
            parts = parts[: max(1, place)]
    return "".join(parts)


def check_answer(offer: Offer, text: str) -> None:
    answer = write_answer(offer, OURS)
    assert all(re.fullmatch(r"[a-z]=[ -~]+", line) for line in answer.split("\r\n")[:-1])
    assert answer.count("\r\nm=") == len([line for line in re.split(r"[\r\n]", text) if line.strip().startswith("m=")])


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(sorted(ALL)), _EDITS)
def test_a_damaged_offer_is_answered_in_form_or_refused(name: str, edits: list[tuple[str, int, str]]) -> None:
    """No error but the one for clients comes out, and nothing of an offer breaks the lines of its answer."""
    text = edited(ALL[name], edits)
    try:
        offer = parse_offer(text)
    except ClientEventError:
        return
    check_answer(offer, text)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(), st.binary(), st.text().map(lambda text: "v=0\r\nm=audio " + text)))
def test_any_text_is_answered_or_refused(text: str | bytes) -> None:
    try:
        parse_offer(text)
    except ClientEventError:
        return
