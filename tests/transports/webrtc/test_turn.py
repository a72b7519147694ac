"""Credentials for TURN servers."""

import base64
import hashlib
import hmac

from antiphon.transports.webrtc.turn import ice_servers, turn_credentials

SECRET = "north"
URIS = ("turn:turn.example.com:3478?transport=udp", "turns:turn.example.com:5349?transport=tcp")


def test_credentials_are_as_coturn_checks_them() -> None:
    made = turn_credentials(SECRET, "rtc_abc", now=1_700_000_000.9, ttl=600, uris=URIS)
    assert made.username == "1700000600:rtc_abc"
    assert base64.b64decode(made.password) == hmac.digest(SECRET.encode(), made.username.encode(), hashlib.sha1)


def test_a_known_pair_stays_as_it_is() -> None:
    """As `openssl dgst -sha1 -hmac` has it."""
    assert turn_credentials("north", "ninefingers", 0, 1, ()).password == "r14n974oOfF9X/8u3mkZyPJjTx8="


def test_both_forms_have_the_same_credentials() -> None:
    made = turn_credentials(SECRET, "u", 0, 60, URIS)
    assert made.rest == {"username": "60:u", "password": made.password, "ttl": 60, "uris": list(URIS)}
    assert ice_servers(("stun:stun.example.com",), made) == [
        {"urls": ["stun:stun.example.com"]},
        {"urls": list(URIS), "username": "60:u", "credential": made.password},
    ]
    assert ice_servers((), None) == []


def test_a_users_name_cannot_move_the_expiry() -> None:
    assert turn_credentials(SECRET, "9:9", 0, 60, URIS).username == "60:9_9"


def test_the_password_is_not_shown() -> None:
    made = turn_credentials(SECRET, "u", 0, 60, URIS)
    assert made.password not in repr(made)
