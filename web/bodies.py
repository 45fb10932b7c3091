"""Reading what a request says, as its schema."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable
from typing import Any, TypeVar

import orjson
from aiohttp import web as aiohttp_web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import BaseModel, ValidationError

from vareon_runtime.errors import InvalidMessage
from web.body_bytes import BODY_TIME_S, check_head, read_bytes
from web.refusals import Malformed, TooSlow, UnknownMediaType

M = TypeVar("M", bound=BaseModel)
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_JSON = re.compile(r"\s*application/([\w.+-]+\+)?json\s*(;|$)", re.IGNORECASE)


async def read_json(request: aiohttp_web.Request, shape: type[M]) -> M:
    """The JSON body as its schema; no body at all counts as an empty object.

    Raises:
        Malformed: If it is not JSON.
        UnknownMediaType: If it says so itself.
        InvalidMessage: If it does not fit the schema.
    """
    body = await read_bytes(request)
    if not body:
        return parse(b"{}", shape)
    said = request.headers.get("Content-Type")
    if said is not None and not _JSON.match(said):
        raise UnknownMediaType("Send the body as application/json.")
    return parse(body, shape)


async def read_form(request: aiohttp_web.Request, shape: type[M]) -> M:
    """A form of text fields as its schema, urlencoded or multipart.

    Raises:
        Malformed: If it cannot be read.
        TooSlow: If it does not arrive in time.
        InvalidMessage: If it does not fit the schema.
    """
    check_head(request)
    if request.can_read_body and request.content_type not in _FORMS:
        raise UnknownMediaType("Send a form: urlencoded, or multipart/form-data.")
    try:
        async with asyncio.timeout(BODY_TIME_S):
            form = await request.post()
    except TimeoutError:
        raise TooSlow("The form did not arrive in time.") from None
    except (ValueError, LookupError, HttpProcessingError, aiohttp_web.RequestPayloadError) as error:
        raise Malformed("The form cannot be read.") from error
    return fitted(_once_each(form.items(), "body"), shape)


def read_query(request: aiohttp_web.Request, shape: type[M]) -> M:
    """The parameters as their schema.

    Raises:
        InvalidMessage: If they do not fit the schema, or one is given twice.
    """
    return fitted(_once_each(request.query.items(), "query"), shape, "query")


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


def fitted(found: Any, shape: type[M], where: str = "body") -> M:
    """What was parsed as its schema.

    Args:
        found: Parsed JSON, or fields by name.
        shape: What it must fit.
        where: What errors say it is: ``body`` or ``query``.

    Raises:
        InvalidMessage: With one entry for each mistake.
    """
    try:
        return shape.model_validate(found)
    except ValidationError as error:
        raise invalid(error, where) from error


def invalid(error: ValidationError, where: str = "body") -> InvalidMessage:
    """A validation error in our words: one readable sentence, then one entry for each mistake."""
    mistakes = error.errors(include_url=False, include_context=False, include_input=False)
    errors = tuple(
        {
            "loc": [where, *map(_place, mistake["loc"])],
            "message": mistake["msg"].removeprefix("Value error, "),
        }
        for mistake in mistakes[:20]
    )
    first = errors[0]
    place = ".".join(str(part) for part in first["loc"][1:]) or where
    return InvalidMessage(f"'{place}' is not valid: {first['message']}.", errors=errors)


def wrong(where: str, name: str, message: str) -> InvalidMessage:
    """One mistake that no schema tells."""
    return InvalidMessage(
        f"'{name}' is not valid: {message}.", errors=({"loc": [where, name], "message": message},)
    )


def _once_each(fields: Iterable[tuple[str, Any]], where: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in fields:
        if name in found:
            raise wrong(where, name[:60], "It is given twice")
        found[name] = value
    return found


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
