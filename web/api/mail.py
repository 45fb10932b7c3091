"""The outbox."""

from __future__ import annotations

from aiohttp import web as aiohttp_web

from web.api.answers import answer, page_answer
from web.api.identifiers import uuid_in_path
from web.given import query_of
from web.routes import Route
from web.schemas.mail import MailOut
from web.schemas.paging import PageQuery
from web.schemas.paths import UuidPath
from web.services import policy
from web.services.outbox import Outbox
from web.services.paging import Page


class MailRoutes:
    """``/api/system/mail``."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def routes(self) -> list[Route]:
        """What is served here."""
        return [
            Route(
                "GET",
                "/api/system/mail",
                policy.READ_MAIL,
                self.list,
                query=PageQuery,
                answer=list[MailOut],
            ),
            Route(
                "GET",
                "/api/system/mail/{id}",
                policy.READ_MAIL,
                self.one,
                place=UuidPath,
                answer=MailOut,
            ),
        ]

    async def list(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Letters and what became of them, the newest first."""
        mails, cursor = await self._outbox.newest(Page.asked(query_of(request, PageQuery)))
        return page_answer(request, mails, cursor)

    async def one(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """One letter."""
        return answer(await self._outbox.mail(uuid_in_path(request)))
