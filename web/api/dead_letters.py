"""Messages that were set aside."""

from __future__ import annotations

from aiohttp import web as aiohttp_web

from web.api.answers import answer, page_answer
from web.api.identifiers import uuid_in_path
from web.caller import caller_of
from web.given import query_of
from web.routes import Route
from web.schemas.accounts import DoneOut
from web.schemas.dead_letters import DeadLetterBody, DeadLetterOut, RedrivenOut
from web.schemas.paging import PageQuery
from web.schemas.paths import UuidPath
from web.services import policy
from web.services.dead_letters import DeadLetters
from web.services.paging import Page


class DeadLetterRoutes:
    """``/api/system/dead-letters``."""

    def __init__(self, letters: DeadLetters) -> None:
        self._letters = letters

    def routes(self) -> list[Route]:
        """What is served here."""
        letters, may = "/api/system/dead-letters", policy.DECIDE_DEAD_LETTERS
        one = letters + "/{id}"
        return [
            Route("GET", letters, may, self.newest, query=PageQuery, answer=list[DeadLetterOut]),
            Route("GET", one, may, self.letter, place=UuidPath, answer=DeadLetterBody),
            Route(
                "POST",
                one + "/redrive",
                may,
                self.redrive,
                place=UuidPath,
                answer=RedrivenOut,
                status=202,
                audit="dead_letter.redrive",
            ),
            Route(
                "DELETE",
                one,
                may,
                self.discard,
                place=UuidPath,
                answer=DoneOut,
                audit="dead_letter.discard",
            ),
        ]

    async def newest(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """All of them, the newest first."""
        items, cursor = await self._letters.newest(
            Page.asked(query_of(request, PageQuery), sorted_by=int)
        )
        return page_answer(request, items, cursor)

    async def letter(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """One with its body."""
        return answer(await self._letters.letter(uuid_in_path(request)))

    async def redrive(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Send it again: 202, for how it ends shows only later."""
        principal = caller_of(request).principal
        return answer(await self._letters.redrive(principal, uuid_in_path(request)), status=202)

    async def discard(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Remove it."""
        await self._letters.discard(caller_of(request).principal, uuid_in_path(request))
        return answer(DoneOut("Dead letter discarded"))
