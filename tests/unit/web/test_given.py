"""What a route declares is checked before its handler runs, and nothing else is believed."""

from __future__ import annotations

import pytest
from aiohttp import web as aiohttp_web
from aiohttp.test_utils import make_mocked_request

from vareon_runtime.errors import InvalidMessage
from web.given import body_of, query_of, reading
from web.routes import PUBLIC, Route
from web.schemas.chat import ConversationIn
from web.schemas.paging import LongPageQuery, PageQuery


async def _limit(request: aiohttp_web.Request) -> aiohttp_web.Response:
    return aiohttp_web.Response(text=str(query_of(request, PageQuery).limit))


async def test_a_declared_query_reaches_its_handler() -> None:
    """With the defaults of its schema."""
    handler = reading(Route("GET", "/x", PUBLIC, _limit, query=PageQuery))
    given = await handler(make_mocked_request("GET", "/x?limit=7"))
    missing = await handler(make_mocked_request("GET", "/x"))
    assert isinstance(given, aiohttp_web.Response) and given.text == "7"
    assert isinstance(missing, aiohttp_web.Response) and missing.text == "100"


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=1&limit=2", "offset=1", "limit="])
async def test_a_wrong_query_never_reaches_its_handler(query: str) -> None:
    """The error says where it is."""
    handler = reading(Route("GET", "/x", PUBLIC, _limit, query=PageQuery))
    with pytest.raises(InvalidMessage) as caught:
        await handler(make_mocked_request("GET", f"/x?{query}"))
    assert caught.value.errors[0]["loc"][0] == "query"


async def test_a_handler_cannot_read_what_its_route_does_not_declare() -> None:
    """The document would not tell of it."""
    handler = reading(Route("GET", "/x", PUBLIC, _limit))
    with pytest.raises(TypeError):
        await handler(make_mocked_request("GET", "/x?limit=7"))
    other = reading(Route("GET", "/x", PUBLIC, _long, query=PageQuery))
    with pytest.raises(TypeError):
        await other(make_mocked_request("GET", "/x"))


async def _long(request: aiohttp_web.Request) -> aiohttp_web.Response:
    query_of(request, LongPageQuery)
    body_of(request, ConversationIn)
    return aiohttp_web.Response()
