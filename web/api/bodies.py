"""Reading what a request says, as its schema."""

from __future__ import annotations

import json
from typing import Any, TypeVar

import orjson
from aiohttp import web as aiohttp_web
from pydantic import BaseModel, ValidationError

from vareon_runtime.errors import InvalidMessage
from web.body_bytes import read_bytes
from web.refusals import Malformed

M = TypeVar("M", bound=BaseModel)


async def read_json(request: aiohttp_web.Request, shape: type[M]) -> M:
    """The JSON body as its schema; no body at all counts as an empty object.

    Raises:
        Malformed: If it is not JSON.
        InvalidMessage: If it does not fit the schema.
    """
    return parse(await read_bytes(request) or b"{}", shape)


def parse(body: bytes, shape: type[M]) -> M:
    """Bytes of JSON as their schema.

    Raises:
        Malformed: If they are not JSON, or say something twice.
        InvalidMessage: If they do not fit the schema.
    """
    try:
        found = orjson.loads(body)
        _refuse_repeats(body)
    except (ValueError, RecursionError) as error:
        raise Malformed("The body is not valid JSON.") from error
    return fitted(found, shape)


def fitted(found: Any, shape: type[M]) -> M:
    """Parsed JSON as its schema.

    Raises:
        InvalidMessage: With one entry for each mistake.
    """
    try:
        return shape.model_validate(found)
    except ValidationError as error:
        raise invalid(error) from error


def invalid(error: ValidationError) -> InvalidMessage:
    """A validation error in our words: one readable sentence, then one entry for each mistake."""
    mistakes = error.errors(include_url=False, include_context=False, include_input=False)
    errors = tuple(
        {"loc": ["body", *map(_place, mistake["loc"])], "message": mistake["msg"]}
        for mistake in mistakes[:20]
    )
    first = errors[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or "body"
    return InvalidMessage(f"'{where}' is not valid: {first['message']}.", errors=errors)


def _place(part: str | int) -> str | int:
    return part[:60] if isinstance(part, str) else part


def _refuse_repeats(body: bytes) -> None:
    if body.count(b'"') >= 4:  # fewer cannot name two keys
        json.loads(body, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found
