"""TLS on the server's own port: https and wss in the place of http and ws."""

import ssl

from antiphon.config.settings import ServerSettings
from antiphon.errors import ConfigError

HANDSHAKE_SECONDS = 10.0


def tls_context(settings: ServerSettings) -> ssl.SSLContext | None:
    """Return what the server proves itself with, None without a certificate.

    Raises:
        ConfigError: A file is missing, unreadable or no PEM, or the two do not belong together.
    """
    cert, key = settings.tls_cert, settings.tls_key
    if not cert and not key:
        return None
    if not cert or not key:
        missing, given = ("tls_key", "tls_cert") if cert else ("tls_cert", "tls_key")
        raise ConfigError(f"server.{missing}: not set, but server.{given} is; set both for TLS, or none")
    _check("tls_cert", cert, "CERTIFICATE", "the PEM file with the certificate and, behind it, its chain")
    _check("tls_key", key, "PRIVATE KEY", "the PEM file with the certificate's private key")
    return _context(cert, key)


def _check(name: str, path: str, block: str, wanted: str) -> None:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a path as typed
            content = file.read(1_000_000)
    except OSError as error:
        raise ConfigError(f"server.{name}: cannot read {path!r}: {error.strerror or error}; give {wanted}") from None
    if b"-----BEGIN " not in content or f"{block}-----".encode() not in content:
        raise ConfigError(f"server.{name}: {path!r} holds no '{block}' block; give {wanted}")


def _context(cert: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # WebSockets begin with HTTP/1.1: a client must not agree on anything else.
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert, key, password=lambda: _refuse_passphrase(key))
    except ssl.SSLError as error:
        if "MISMATCH" in (error.reason or ""):
            raise ConfigError(
                f"server.tls_key: {key!r} is not the key of the certificate in {cert!r}; give two that belong together"
            ) from None
        reason = error.reason or str(error)
        raise ConfigError(
            f"server.tls_cert, server.tls_key: {cert!r} and {key!r} cannot be used ({reason}); give intact PEM files"
        ) from None
    return context


def _refuse_passphrase(key: str) -> str:
    # Without this, OpenSSL would ask on the terminal and the start would hang.
    raise ConfigError(
        f"server.tls_key: {key!r} is encrypted; give a key without a passphrase (openssl pkey -in … -out …)"
    )
