"""What we trust in a server."""

import ssl

from antiphon.errors import ConfigError


def client_tls(ca_file: str = "") -> ssl.SSLContext:
    """Return a context that always verifies: the system's authorities, or those of SSL_CERT_FILE, and `ca_file`'s.

    Making one costs some 10 ms; keep it.

    Raises:
        ConfigError: `ca_file` cannot be read.
    """
    context = ssl.create_default_context()
    if ca_file:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"the authorities' file {ca_file!r} cannot be used ({error}); give a PEM file") from error
    return context
