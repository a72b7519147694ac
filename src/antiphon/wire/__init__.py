"""Connections that we make: over TLS, through proxies, to WebSockets; and why one failed, as a value."""

from antiphon.wire.connect import MAX_MESSAGE, Endpoint, connect
from antiphon.wire.failures import ConnectError, Failure, FailureKind
from antiphon.wire.proxies import proxy_for

__all__ = ["MAX_MESSAGE", "ConnectError", "Endpoint", "Failure", "FailureKind", "connect", "proxy_for"]
