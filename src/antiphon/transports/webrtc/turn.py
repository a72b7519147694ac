"""Credentials for a TURN server that run out, made from a secret shared with it.

Source: "A REST API For Access To TURN Services" (draft-uberti-behave-turn-rest), as coturn's `use-auth-secret` has it.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TurnCredentials:
    """What one client may use TURN servers with.

    Args:
        username: `expiry:user`, the expiry in seconds since 1970.
        password: base64 of HMAC-SHA1 of it.
        ttl: Seconds until they run out.
        uris: The servers, such as `turn:turn.example.com:3478?transport=udp`.
    """

    username: str
    password: str
    ttl: int
    uris: tuple[str, ...]

    def __repr__(self) -> str:
        return f"TurnCredentials(username={self.username!r}, ttl={self.ttl}, uris={self.uris!r})"

    @property
    def rest(self) -> dict[str, Any]:
        """The answer of the draft's REST API."""
        return {"username": self.username, "password": self.password, "ttl": self.ttl, "uris": list(self.uris)}

    @property
    def ice_server(self) -> dict[str, Any]:
        """One of RTCPeerConnection's `iceServers`."""
        return {"urls": list(self.uris), "username": self.username, "credential": self.password}


def turn_credentials(secret: str, user: str, now: float, ttl: int, uris: tuple[str, ...]) -> TurnCredentials:
    """Make credentials for `user` that run out `ttl` seconds after `now`, in seconds since 1970.

    Args:
        secret: coturn's `static-auth-secret`.
        user: Anything that tells users apart in the TURN server's logs; without colons.
    """
    username = f"{int(now) + ttl}:{user.replace(':', '_')}"
    # The draft has SHA-1; as a key's digest it is not weakened by what is known of SHA-1.
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return TurnCredentials(username, base64.b64encode(digest).decode(), ttl, uris)


def ice_servers(stun: tuple[str, ...], turn: TurnCredentials | None) -> list[dict[str, Any]]:
    """Return what a browser's RTCPeerConnection takes as `iceServers`."""
    servers: list[dict[str, Any]] = [{"urls": list(stun)}] if stun else []
    return [*servers, turn.ice_server] if turn is not None and turn.uris else servers
