"""Client secrets: short-lived keys for browsers, which carry a session's configuration.

A secret is self-contained and signed: `ek_`, then in base64url (fit for a header, a URL and a subprotocol) an
HMAC-SHA256 and the compressed JSON that it covers. It is not encrypted: whoever holds it can read it.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from antiphon.errors import AntiphonError, ClientEventError

PREFIX = "ek_"
MAX_TOKEN = 6_000  # characters: common servers and proxies allow 8 KiB to a header
_MAC_BYTES = 32


class ClientSecretError(AntiphonError):
    """A client secret is not valid, or not any more."""


@dataclass(frozen=True)
class ClientSecret:
    """What a client secret stands for.

    Args:
        expires_at: Unix time, seconds; no session begins at or after it.
        session: The configuration, as the body of a `session.update`; empty for the defaults.
        model: The model for clients that name none.
        safety_identifier: Who the end user is, as the secret's maker said.
        temperature: Of a session in the beta shape, which GA has no field for.
        id: Tells it from all others; "" before it was made.
    """

    expires_at: int
    session: Mapping[str, Any] = field(default_factory=dict)
    model: str | None = None
    safety_identifier: str | None = None
    temperature: float | None = None
    id: str = field(default="", compare=False)


_FIELDS = tuple(entry.name for entry in fields(ClientSecret) if entry.name != "id")


class ClientSecrets:
    """Makes and reads client secrets.

    Args:
        key: What they are signed with; without one, a random key that ends with this process.
    """

    def __init__(self, key: str | None = None) -> None:
        material = key.encode() if key else os.urandom(32)
        self._key = hashlib.sha256(b"antiphon client secret\0" + material).digest()

    def mint(self, secret: ClientSecret) -> str:
        """Return the token.

        Raises:
            ClientEventError: The configuration does not fit into one.
        """
        # The nonce makes each token another one, so that logs and caches can tell them apart.
        values = [*(getattr(secret, name) for name in _FIELDS), os.urandom(6).hex()]
        payload = zlib.compress(json.dumps(values, separators=(",", ":")).encode(), 9)
        token = PREFIX + base64.urlsafe_b64encode(self._mac(payload) + payload).decode().rstrip("=")
        if len(token) > MAX_TOKEN:
            message = (
                f"The session configuration is too large for a client secret: {len(token)} characters, "
                f"the limit is {MAX_TOKEN}. Send the rest with session.update once connected."
            )
            raise ClientEventError("client_secret_too_large", message, "session")
        return token

    def read(self, token: str, now: float) -> ClientSecret:
        """Return what `token` stands for at Unix time `now`.

        Raises:
            ClientSecretError: It is expired, or not one of this server's.
        """
        secret = self._decoded(token)
        if now >= secret.expires_at:
            raise ClientSecretError("The client secret has expired; create a new one.")
        return secret

    def _decoded(self, token: str) -> ClientSecret:
        body = token.removeprefix(PREFIX)
        try:
            signed = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        except (binascii.Error, ValueError):
            signed = b""
        mac, payload = signed[:_MAC_BYTES], signed[_MAC_BYTES:]
        if len(token) > MAX_TOKEN or not hmac.compare_digest(mac, self._mac(payload)):
            raise ClientSecretError(
                "The client secret is not valid here; it may be from before a restart or from another server."
            )
        # Only what this server signed is unpacked.
        *values, nonce = json.loads(zlib.decompress(payload))
        return ClientSecret(**dict(zip(_FIELDS, values, strict=False)), id=nonce)

    def _mac(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, payload, "sha256")
