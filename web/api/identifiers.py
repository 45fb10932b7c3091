"""Ids that arrive in paths."""

from __future__ import annotations

import re

from aiohttp import web as aiohttp_web

from vareon_runtime.errors import InvalidMessage
from web.schemas.chat import UUID_PATTERN

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
