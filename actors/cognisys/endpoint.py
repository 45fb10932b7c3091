"""What a provider's address, key and organisation may look like."""

from __future__ import annotations

from urllib.parse import urlsplit

from vareon_runtime.errors import InvalidMessage

MAX_URL = 2_000
MAX_KEY = 4_096
MAX_ORGANIZATION = 200
_DEFAULT_PORTS = {"http": 80, "https": 443}


def checked_base_url(base_url: str) -> str:
    """A base URL as it is stored, without a slash at its end.

    Raises:
        InvalidMessage: If requests could not safely be sent there.
    """
    url = base_url.strip().rstrip("/")
    if len(url) > MAX_URL:
        raise InvalidMessage(f"base_url has at most {MAX_URL} characters.")
    if not url.isprintable() or " " in url:
        raise InvalidMessage("base_url holds characters that no URL may hold.")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise InvalidMessage("base_url is not a URL.") from None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise InvalidMessage("base_url must be like https://api.example.com/v1.")
    if parts.username is not None or parts.password is not None:
        raise InvalidMessage("base_url must not hold a password; put the key into api_key.")
    if parts.query or parts.fragment:
        raise InvalidMessage("base_url must not have a query or fragment.")
    return url


def origin_of(base_url: str) -> tuple[str, str, int]:
    """Scheme, host and port: a key that was given for one origin is sent to no other."""
    parts = urlsplit(base_url)
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
    return parts.scheme, parts.hostname or "", port


def checked_key(api_key: str) -> str:
    """A key that fits into a header.

    Raises:
        InvalidMessage: If it does not.
    """
    key = api_key.strip()
    if len(key) > MAX_KEY or not (key.isascii() and key.isprintable()):
        raise InvalidMessage(f"api_key is at most {MAX_KEY} printable ASCII characters.")
    return key


def checked_organization(organization_id: str | None) -> str | None:
    """An organisation that fits into a header; nothing for an empty one.

    Raises:
        InvalidMessage: If it does not.
    """
    name = (organization_id or "").strip()
    if len(name) > MAX_ORGANIZATION or not (name.isascii() and name.isprintable()):
        raise InvalidMessage(
            f"organization_id is at most {MAX_ORGANIZATION} printable ASCII characters."
        )
    return name or None


def masked(api_key: str) -> str:
    """What may be shown of a key."""
    if not api_key:
        return ""
    return "*" * 8 if len(api_key) <= 8 else f"{api_key[:4]}…{api_key[-4:]}"
