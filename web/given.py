"""What a request gives, read and checked as its route declares before its handler runs."""

from __future__ import annotations

from typing import TypeVar

from aiohttp import web as aiohttp_web
from pydantic import BaseModel

from web.bodies import read_form, read_json, read_query
from web.routes import Handler, Route

M = TypeVar("M", bound=BaseModel)

_BODY = aiohttp_web.RequestKey("body", BaseModel)
_QUERY = aiohttp_web.RequestKey("query", BaseModel)


def reading(route: Route) -> Handler:
    """The route's handler, behind the checks that the route declares."""
    if route.body is None and route.query is None:
        return route.handler

    async def read_and_handle(request: aiohttp_web.Request) -> aiohttp_web.StreamResponse:
        if route.query is not None:
            request[_QUERY] = read_query(request, route.query)
        if route.body is not None:
            read = read_form if route.form else read_json
            request[_BODY] = await read(request, route.body)
        return await route.handler(request)

    return read_and_handle


def body_of(request: aiohttp_web.Request, shape: type[M]) -> M:
    """The body, which the route declares to be of this shape.

    Raises:
        TypeError: If it declares another one, or none: a mistake of ours.
    """
    return _as(request.get(_BODY), shape)


def query_of(request: aiohttp_web.Request, shape: type[M]) -> M:
    """The parameters, which the route declares to be of this shape.

    Raises:
        TypeError: If it declares another one, or none: a mistake of ours.
    """
    return _as(request.get(_QUERY), shape)


def _as(found: BaseModel | None, shape: type[M]) -> M:
    if not isinstance(found, shape):
        raise TypeError(f"the route does not declare {shape.__name__}")
    return found
