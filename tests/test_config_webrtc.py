"""The table [webrtc]."""

from pathlib import Path

import pytest

from antiphon.config import load_settings
from antiphon.config.webrtc_settings import WebRtcSettings
from antiphon.errors import ConfigError


def load(folder: Path, toml: str) -> WebRtcSettings:
    (folder / "antiphon.toml").write_text(f"[webrtc]\n{toml}")
    return load_settings({}, {}, folder).settings.webrtc


def refusal(folder: Path, toml: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(folder, toml)
    return str(caught.value)


def test_webrtc_works_with_nothing_set(tmp_path: Path) -> None:
    assert load(tmp_path, "") == WebRtcSettings()
    assert WebRtcSettings().enabled == "auto"


def test_everything_can_be_set(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        'enabled = "on"\naddress = ["192.168.1.5"]\npublic_address = "203.0.113.7/192.168.1.5, 2001:db8::7"\n'
        'port_min = 40000\nport_max = 40999\nstun = "stun:stun.example.com"\n'
        'turn = ["turn:turn.example.com:3478?transport=udp", "turns:turn.example.com:5349"]\nturn_secret = "north"\n',
    )
    assert settings.public_address == ("203.0.113.7/192.168.1.5", "2001:db8::7")
    assert settings.stun == ("stun:stun.example.com",)
    assert settings.turn == ("turn:turn.example.com:3478?transport=udp", "turns:turn.example.com:5349")
    assert (settings.port_min, settings.port_max) == (40_000, 40_999)
    assert "north" not in repr(settings)


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        ('enabled = "maybe"', "'maybe' is not a choice; give auto, on or off"),
        ('address = "0.0.0.0"', "'0.0.0.0' is not an address of a machine"),
        ("address = 7", "7 is not a list"),
        ('public_address = "example.com"', "'example.com' is not an address"),
        ('public_address = "203.0.113.7/::1"', "is not an address"),
        ('stun = "stun.example.com"', "'stun.example.com' is not a STUN URL"),
        ('stun = "stun:[2001:db8::9]:3478"', "is not a STUN URL"),
        ('stun = "stun:stun.example.com:99999"', "is not a STUN URL"),
        ('turn = "turn:turn.example.com?transport=sctp"\nturn_secret = "x"', "is not a TURN URL"),
        ('turn = "turn:turn.example.com"', "webrtc.turn (antiphon.toml [webrtc]): a TURN server wants credentials"),
        ('turn = "turn:turn.example.com"\nturn_username = "me"', "a TURN server wants credentials"),
        ("port_min = 5000\nport_max = 4000", "4000 makes no range with webrtc.port_min, 5000"),
        ("port_min = 5000", "0 makes no range with webrtc.port_min, 5000"),
        ("port_max = 5000", "5000 makes no range with webrtc.port_min, 0"),
        ("port = 5000\nport_min = 5000\nport_max = 5999", "webrtc.port (antiphon.toml [webrtc]): 5000 would carry all"),
        ("port = 70000", "70000 is not a port"),
        ("connect_seconds = 0", "0 is not a duration"),
    ],
)
def test_what_cannot_work_is_refused(tmp_path: Path, toml: str, problem: str) -> None:
    assert problem in refusal(tmp_path, toml)


def test_all_calls_may_share_one_port(tmp_path: Path) -> None:
    assert load(tmp_path, "port = 5000").port == 5000


def test_a_turn_server_may_have_a_user_of_its_own(tmp_path: Path) -> None:
    settings = load(tmp_path, 'turn = "turn:turn.example.com"\nturn_username = "me"\nturn_password = "hush"')
    assert "hush" not in repr(settings)
