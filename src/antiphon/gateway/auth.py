"""Who may do what: API keys, client secrets, and where a client may put them."""

import hashlib
import hmac
import time
from collections.abc import Callable

from antiphon.errors import AntiphonError
from antiphon.gateway.client_secrets import PREFIX, ClientSecret, ClientSecretError, ClientSecrets
from antiphon.transports.handshake import Handshake

_KEY_SUBPROTOCOL = "openai-insecure-api-key."
# An extension for clients that can set neither headers nor subprotocols.
_KEY_PARAMETERS = ("token", "authorization", "client_secret", "api-key", "api_key")


class AccessDeniedError(AntiphonError):
    """No key, or a wrong one; `code` is the API's, None for a missing key."""

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class Keyring:
    """The keys that open this server.

    Args:
        api_keys: With none, any key opens, or none at all.
        secrets: Reads client secrets.
        clock: Unix time, seconds.
    """

    def __init__(
        self, api_keys: tuple[str, ...], secrets: ClientSecrets, clock: Callable[[], float] = time.time
    ) -> None:
        self._digests = tuple(_digest(key) for key in api_keys)
        self._secrets = secrets
        self._clock = clock

    @property
    def is_open(self) -> bool:
        """Whether no API keys are set."""
        return not self._digests

    def check(self, key: str | None) -> ClientSecret | None:
        """Return what a client secret carries; None when `key` is an API key, or none is needed.

        Raises:
            AccessDeniedError: `key` opens nothing.
        """
        if key is not None and self._is_api_key(key):
            return None
        if key is not None and key.startswith(PREFIX):
            return self._check_secret(key)
        if self.is_open:
            return None
        if key is None:
            raise AccessDeniedError("Missing bearer or basic authentication in header")
        raise AccessDeniedError("Incorrect API key provided.", "invalid_api_key")

    def check_api_key(self, key: str | None) -> None:
        """Let pass who may create client secrets: an API key does, a client secret does not.

        Raises:
            AccessDeniedError: `key` is no API key.
        """
        if self.check(key) is not None:
            raise AccessDeniedError(
                "A client secret cannot create another one; use an API key, on your server.", "invalid_api_key"
            )

    def _check_secret(self, key: str) -> ClientSecret:
        try:
            return self._secrets.read(key, self._clock())
        except ClientSecretError as error:
            raise AccessDeniedError(str(error), "invalid_api_key") from None

    def _is_api_key(self, key: str) -> bool:
        # Digests have one length and every one is compared, so that the time taken tells nothing.
        digest = _digest(key)
        found = False
        for known in self._digests:
            found |= hmac.compare_digest(digest, known)
        return found


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def key_in_headers(authorization: str | None, api_key: str | None) -> str | None:
    """Return the key in `Authorization: Bearer K` or `api-key: K`."""
    return _bearer(authorization) or (api_key or "").strip() or None


def key_in_handshake(handshake: Handshake) -> str | None:
    """Return the first key that a WebSocket client shows: in its headers, its subprotocols or its query."""
    key = key_in_headers(handshake.header("authorization"), handshake.header("api-key"))
    if key:
        return key
    for name in handshake.subprotocols:
        if name.startswith(_KEY_SUBPROTOCOL) and name != _KEY_SUBPROTOCOL:
            return name.removeprefix(_KEY_SUBPROTOCOL)
    shown = (handshake.parameter(name) for name in _KEY_PARAMETERS)
    return next((_bearer(value) or value for value in shown if value), None)


def _bearer(value: str | None) -> str | None:
    scheme, _, key = (value or "").strip().partition(" ")
    return key.strip() or None if scheme.lower() == "bearer" else None
