"""Keys and client secrets, without sockets."""

import string

import pytest

from antiphon.gateway.auth import AccessDeniedError, Keyring
from antiphon.gateway.client_secrets import MAX_TOKEN, ClientSecret, ClientSecretError, ClientSecrets

NOW = 1_790_000_000
SECRET = ClientSecret(NOW + 600, {"type": "realtime", "instructions": "Bonjour, ça va ?"}, "gpt-realtime", "user-1")


def test_a_secret_carries_what_it_was_made_with() -> None:
    secrets = ClientSecrets("key")
    assert secrets.read(secrets.mint(SECRET), NOW) == SECRET


def test_a_secret_fits_where_a_key_fits() -> None:
    """A subprotocol is an HTTP token (RFC 9110), a query and a header have rules of their own."""
    token = ClientSecrets().mint(SECRET)
    assert set(token) <= set(string.ascii_letters + string.digits + "-_")
    assert token.startswith("ek_")
    assert len(token) < MAX_TOKEN


def test_a_secret_ends_to_the_second() -> None:
    secrets = ClientSecrets("key")
    token = secrets.mint(SECRET)
    assert secrets.read(token, NOW + 599.9) == SECRET
    with pytest.raises(ClientSecretError, match="expired"):
        secrets.read(token, NOW + 600)


def test_another_server_with_the_same_key_reads_it_and_one_with_another_does_not() -> None:
    token = ClientSecrets("key").mint(SECRET)
    assert ClientSecrets("key").read(token, NOW) == SECRET
    for other in (ClientSecrets("other"), ClientSecrets(), ClientSecrets(None)):
        with pytest.raises(ClientSecretError, match="not valid"):
            other.read(token, NOW)


def test_no_changed_character_goes_unnoticed() -> None:
    secrets = ClientSecrets("key")
    token = secrets.mint(SECRET)
    for index in range(3, len(token) - 1):  # the last character may have bits to spare
        changed = token[:index] + ("A" if token[index] != "A" else "B") + token[index + 1 :]
        with pytest.raises(ClientSecretError):
            secrets.read(changed, NOW)


@pytest.mark.parametrize("token", ["ek_", "ek_A", "ek_é", "ek_" + "A" * 43, "ek_" + "A" * 100_000, "ek_!!!"])
def test_nonsense_is_no_secret(token: str) -> None:
    with pytest.raises(ClientSecretError):
        ClientSecrets("key").read(token, NOW)


def test_an_expired_secret_is_refused_even_where_any_key_opens() -> None:
    """What fails in production fails in development too."""
    now = [float(NOW)]
    secrets = ClientSecrets("key")
    keyring = Keyring((), secrets, lambda: now[0])
    token = secrets.mint(SECRET)
    assert keyring.check(token) == SECRET
    now[0] += 600
    with pytest.raises(AccessDeniedError, match="expired"):
        keyring.check(token)


def test_an_api_key_may_look_like_a_secret() -> None:
    assert Keyring(("ek_mine",), ClientSecrets()).check("ek_mine") is None
