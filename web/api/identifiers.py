"""Ids that arrive in paths and headers."""

from __future__ import annotations

import re

from aiohttp import web as aiohttp_web

from vareon_runtime.errors import InvalidMessage
from web.schemas.chat import LONGEST_CLIENT_ID, UUID_PATTERN

_UUID = re.compile(UUID_PATTERN)


def is_uuid(text: str) -> bool:
    """Whether this is a UUID in its usual dashed form."""
    return _UUID.fullmatch(text) is not None


def uuid_in_path(request: aiohttp_web.Request) -> str:
    """The path's ``id``, in lower case.

    Raises:
        InvalidMessage: If it is not a UUID.
    """
    found = request.match_info["id"]
    if not is_uuid(found):
        message = "A UUID is expected"
        raise InvalidMessage(
            f"'id' is not valid: {message}.", errors=({"loc": ["path", "id"], "message": message},)
        )
    return found.lower()


def idempotency_key(request: aiohttp_web.Request) -> str | None:
    """The caller's own id of this request, if it gives one.

    Raises:
        InvalidMessage: If it is too long or not printable.
    """
    found = request.headers.get("Idempotency-Key")
    if found is None:
        return None
    if not 0 < len(found) <= LONGEST_CLIENT_ID or not found.isprintable():
        message = f"1 to {LONGEST_CLIENT_ID} printable characters are expected"
        raise InvalidMessage(
            f"'Idempotency-Key' is not valid: {message}.",
            errors=({"loc": ["header", "Idempotency-Key"], "message": message},),
        )
    return found
