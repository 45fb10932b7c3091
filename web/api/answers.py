"""Writing answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import msgspec
from aiohttp import web as aiohttp_web

_ENCODER = msgspec.json.Encoder()


def encoded(value: Any) -> bytes:
    """JSON, with times in UTC ending in ``Z``."""
    return _ENCODER.encode(value)


def answer(value: Any, status: int = 200) -> aiohttp_web.Response:
    """A JSON answer."""
    return aiohttp_web.Response(
        body=_ENCODER.encode(value), status=status, content_type="application/json"
    )


def page_answer(
    request: aiohttp_web.Request, items: list[Any], cursor: str | None
) -> aiohttp_web.Response:
    """One page of a list, with a link to the next one if there is one."""
    response = answer(items)
    link_next(request, response, cursor)
    return response


def link_next(
    request: aiohttp_web.Request, response: aiohttp_web.StreamResponse, cursor: str | None
) -> None:
    """Say where the next page is, if there is one."""
    if cursor is not None:
        given = {k: v for k, v in request.query.items() if k not in ("cursor", "skip")}
        query = {"cursor": cursor, **given}
        response.headers["Link"] = f'<{request.path}?{urlencode(query)}>; rel="next"'


@contextmanager
def whole_or_cut(request: aiohttp_web.Request) -> Iterator[None]:
    """Cut the connection if an answer that has begun breaks: half of one must not look whole."""
    try:
        yield
    except BaseException:
        if request.transport is not None:
            request.transport.abort()
        raise
