"""Searching."""

from __future__ import annotations

from aiohttp import web as aiohttp_web

from web.api.answers import answer
from web.caller import caller_of
from web.given import query_of
from web.routes import Route
from web.schemas.search import SearchHit, SearchQuery
from web.services import policy
from web.services.search import Search


class SearchRoutes:
    """``/api/search``."""

    def __init__(self, search: Search) -> None:
        self._search = search

    def routes(self) -> list[Route]:
        """What is served here."""
        return [
            Route(
                "GET",
                "/api/search",
                policy.SEARCH,
                self.find,
                query=SearchQuery,
                answer=list[SearchHit],
            )
        ]

    async def find(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Find things by the beginnings of their words, the best first."""
        asked = query_of(request, SearchQuery)
        return answer(await self._search.find(caller_of(request), asked))
