"""What went wrong at a provider, in our words, with the next step and never with the key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from vareon_runtime.errors import (
    UpstreamError,
    UpstreamIncomplete,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnreachable,
)

MAX_QUOTE = 300
LONGEST_WAIT_S = 3_600.0
_KEY_LIKE = re.compile(r"\b(?:sk|pk|key|gsk|xai)-[\w*.-]{4,}")

_STATUS_OF_CODE = {
    "invalid_api_key": 401,
    "authentication_error": 401,
    "permission_error": 403,
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "model_not_found": 404,
    "not_found_error": 404,
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "insufficient_quota": 429,
    "timeout": 408,
    "server_error": 500,
    "api_error": 500,
    "overloaded_error": 503,
}


def quote(text: str, secret: str) -> str:
    """The provider's own words as they may be shown: short, one line, without the key."""
    if secret:
        text = text.replace(secret, "[key]")
    text = _KEY_LIKE.sub("[key]", text)
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= MAX_QUOTE else f"{line[:MAX_QUOTE]}…"


def message_in(body: bytes) -> str:
    """The message of an error body, whichever of the usual shapes it has."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return _message(found)


def status_failure(
    status: int, message: str, secret: str, retry_after_s: float | None = None
) -> UpstreamError:
    """The error for an HTTP status that is not 200."""
    said = quote(message, secret)
    says = f": {said}" if said else ""
    if status == 429:
        wait = "" if retry_after_s is None else f" in {retry_after_s:g} s"
        return UpstreamRateLimited(
            f"The provider's rate limit or quota is reached{says}. Try again{wait}, "
            "or choose another model.",
            retry_after_s=retry_after_s,
        )
    if status in (401, 403):
        return UpstreamRejected(
            f"The provider does not accept the key (HTTP {status}){says}. "
            "An administrator can enter a new api_key for it."
        )
    if status in (408, 504):
        return UpstreamTimeout(
            f"The provider gave up waiting (HTTP {status}){says}. Try again.",
            retry_after_s=retry_after_s,
        )
    if status >= 500:
        return UpstreamUnreachable(
            f"The provider is in trouble (HTTP {status}){says}. Try again.",
            retry_after_s=retry_after_s,
        )
    if 300 <= status < 400:
        return UpstreamRejected(
            f"The provider answers with a redirect (HTTP {status}), which is not followed "
            "with a key. Enter the final address as base_url."
        )
    return UpstreamRejected(
        f"The provider refuses the request (HTTP {status}){says}. "
        "Check the model's name and settings."
    )


def event_failure(error: Any, *, began: bool, secret: str) -> UpstreamError:
    """The error for an ``error`` object inside a stream or a 200 answer."""
    status = _status(error)
    message = _message({"error": error})
    if status is not None:
        return status_failure(status, message, secret)
    said = quote(message, secret) or "no reason given"
    if began:
        return UpstreamIncomplete(f"The provider broke the answer off: {said}. Try again.")
    return UpstreamUnreachable(f"The provider failed: {said}. Try again.")


def retry_after(headers: Mapping[str, str], now_s: float) -> float | None:
    """Seconds to wait, from a ``Retry-After`` of either form; bounded."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    try:
        wait = float(value)
    except ValueError:
        try:
            wait = parsedate_to_datetime(value).timestamp() - now_s
        except (ValueError, OverflowError):
            return None
    return min(max(wait, 0.0), LONGEST_WAIT_S) if wait == wait else None


def _status(error: Any) -> int | None:
    if not isinstance(error, dict):
        return None
    for field in ("status", "code", "type"):
        value = error.get(field)
        if isinstance(value, str) and value.isdecimal():
            value = int(value) if len(value) == 3 else None
        if isinstance(value, int) and 400 <= value < 600:
            return value
        if isinstance(value, str) and value.lower() in _STATUS_OF_CODE:
            return _STATUS_OF_CODE[value.lower()]
    return None


def _message(found: Any) -> str:
    for _ in range(3):
        if isinstance(found, list) and found:
            found = found[0]
        if isinstance(found, str):
            return found
        if not isinstance(found, dict):
            return ""
        found = next(
            (found[name] for name in ("error", "message", "detail") if found.get(name)), None
        )
    return found if isinstance(found, str) else ""
