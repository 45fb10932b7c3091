"""TLS from two files: a certificate with its chain, and its private key."""

from __future__ import annotations

import ssl
from pathlib import Path

from vareon_runtime.config import Settings
from vareon_runtime.errors import ConfigurationError


def server_context(settings: Settings) -> ssl.SSLContext | None:
    """What to serve with; None without a certificate.

    Raises:
        ConfigurationError: If the files cannot be read, or do not belong together.
    """
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    load(context, settings.tls_cert, settings.tls_key)
    return context


def load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Read the files, into a context that may be in use: new connections get what they hold now.

    Raises:
        ConfigurationError: If they cannot be read, or do not belong together.
    """
    try:
        # Without this the system would ask for a password at the terminal, and wait.
        context.load_cert_chain(certificate, key, password=_no_password)
    except FileNotFoundError as error:
        missing = error.filename or f"{certificate} or {key}"
        raise ConfigurationError(
            f"{missing} does not exist: correct VAREON_TLS_CERT and VAREON_TLS_KEY."
        ) from None
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"The certificate {certificate} and the key {key} cannot be used "
            f"({getattr(error, 'reason', None) or error}): give a PEM certificate with its chain, "
            "and the key that belongs to it, without a password."
        ) from None


def client_context(settings: Settings) -> ssl.SSLContext | None:
    """For connections to the instance on this machine: its own certificate, and no other.

    The name in it is that of the outside, so it is not compared with the loopback address.
    """
    if settings.tls_cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(settings.tls_cert)
    return context


def _no_password() -> str:
    raise ValueError("the key is locked with a password")
