"""Where somebody is signed in."""

from __future__ import annotations

from aiohttp import web as aiohttp_web

from vareon_runtime.errors import NotFound
from web.api.answers import answer, page_answer
from web.api.identifiers import is_uuid
from web.caller import caller_of
from web.given import query_of
from web.routes import Route
from web.schemas.accounts import DoneOut
from web.schemas.paging import PageQuery
from web.schemas.sign_in import SessionOut
from web.services import policy
from web.services.authentication import Authenticator
from web.services.paging import Page
from web.services.sign_ins import SignIns


class SessionRoutes:
    """``/api/sessions``."""

    def __init__(self, sign_ins: SignIns, authenticator: Authenticator) -> None:
        self._sign_ins = sign_ins
        self._authenticator = authenticator

    def routes(self) -> list[Route]:
        """What is served here."""
        sessions, end = "/api/sessions", policy.END_SESSION
        return [
            Route(
                "GET",
                sessions,
                policy.READ_ACCOUNT,
                self.listed,
                query=PageQuery,
                answer=list[SessionOut],
            ),
            Route("DELETE", sessions, end, self.end_others, answer=DoneOut, one_ask=True),
            Route("DELETE", sessions + "/{id}", end, self.end, answer=DoneOut, one_ask=True),
        ]

    async def listed(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Where the caller is signed in, the newest first."""
        page = Page.asked(query_of(request, PageQuery))
        items, cursor = await self._sign_ins.listed(caller_of(request), page)
        return page_answer(request, items, cursor)

    async def end(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Sign the caller out of one session."""
        session_id = request.match_info["id"].lower()
        if not is_uuid(session_id):
            raise NotFound("Session not found")
        caller = caller_of(request)
        await self._sign_ins.end(caller.principal, session_id)
        self._authenticator.forget(caller.user_id)
        return answer(DoneOut("Session ended"))

    async def end_others(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Sign the caller out of every session but this one."""
        caller = caller_of(request)
        ended = await self._sign_ins.end_others(caller)
        self._authenticator.forget(caller.user_id)
        return answer(DoneOut(f"Sessions ended: {ended}"))
