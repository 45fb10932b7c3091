"""What must fit together among the settings of mail and registration."""

from __future__ import annotations

from email.utils import parseaddr
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, Field

from vareon_runtime.config import Smtp
from vareon_runtime.errors import ConfigurationError

Tls = Literal["starttls", "tls", "none"]
Registration = Literal["open", "invited", "closed"]
_PORTS: dict[str, int] = {"starttls": 587, "tls": 465, "none": 25}
_LONGEST_URL = 500


class MailFields(BaseModel):
    """Fields of the settings, as they are written: ``VAREON_SMTP_HOST`` and so on."""

    registration: Registration | None = None
    public_url: str = ""
    smtp_host: str = ""
    smtp_port: int | None = Field(None, ge=1, le=65535)
    smtp_user: str = ""
    smtp_password_file: Path | None = None
    smtp_tls: Tls = "starttls"
    smtp_sender: str = ""
    smtp_ca_file: Path | None = None


def smtp_of(fields: MailFields) -> Smtp | None:
    """The mail server that is meant; None if none is.

    Raises:
        ConfigurationError: In one line, naming the setting and the fix.
    """
    if not fields.smtp_host:
        return None
    address = parseaddr(fields.smtp_sender)[1]
    name, at, domain = address.partition("@")
    if not (name and at and domain and address.isprintable()):
        raise ConfigurationError(
            "VAREON_SMTP_SENDER is wrong: say whom letters come from, such as "
            "'Vareon <vareon@example.org>'."
        )
    if bool(fields.smtp_user) != (fields.smtp_password_file is not None):
        raise ConfigurationError(
            "VAREON_SMTP_USER and VAREON_SMTP_PASSWORD_FILE go together: set both, or neither."
        )
    return Smtp(
        host=fields.smtp_host,
        port=fields.smtp_port or _PORTS[fields.smtp_tls],
        sender=fields.smtp_sender,
        tls=fields.smtp_tls,
        user=fields.smtp_user,
        password_file=_readable("SMTP_PASSWORD_FILE", fields.smtp_password_file),
        ca_file=_readable("SMTP_CA_FILE", fields.smtp_ca_file),
    )


def public_url_of(fields: MailFields) -> str:
    """The public address without a slash at its end.

    Raises:
        ConfigurationError: If it is none.
    """
    url = fields.public_url.rstrip("/")
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        good = False
    if not good or len(url) > _LONGEST_URL or not url.isprintable() or "?" in url or "#" in url:
        raise ConfigurationError(
            "VAREON_PUBLIC_URL is wrong: give the address that people open, such as "
            "https://vareon.example.org."
        )
    return url


def registration_of(fields: MailFields, *, loopback: bool) -> str:
    """Who may register; unless it is said, anybody on this machine, but nobody from elsewhere."""
    return fields.registration or ("open" if loopback else "invited")


def _readable(name: str, path: Path | None) -> Path | None:
    if path is None:
        return None
    found = path.expanduser().absolute()
    try:
        found.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"VAREON_{name} {found} cannot be read ({error.strerror}): correct the path."
        ) from None
    return found
