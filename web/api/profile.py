"""One's own account."""

from __future__ import annotations

from typing import Any

from aiohttp import web as aiohttp_web

from web.api.answers import answer, whole_or_cut
from web.caller import caller_of
from web.credentials import clear_session
from web.given import body_of
from web.routes import Route
from web.schemas.accounts import DoneOut
from web.schemas.profile import CloseIn, MeChangesIn, MeOut, PasswordChangeIn
from web.services import policy
from web.services.export import Export
from web.services.profile import Profile

EXPORTS = 10
"""A minute; each reads everything of theirs."""
_CLOSED = "Your account is closed, and everything of yours is being deleted."


class ProfileRoutes:
    """``/api/users/me``."""

    def __init__(self, profile: Profile, export: Export) -> None:
        self._profile = profile
        self._export = export

    def routes(self) -> list[Route]:
        """What is served here."""
        path = "/api/users/me"
        return [
            Route("GET", path, policy.READ_ACCOUNT, self.me, answer=MeOut),
            Route("GET", "/api/dashboard", policy.LIST_ACCOUNTS, self.me, answer=MeOut),
            Route(
                "PUT",
                path,
                policy.UPDATE_ACCOUNT,
                self.change,
                body=MeChangesIn,
                answer=MeOut,
                audit="account.change",
            ),
            Route(
                "DELETE",
                path,
                policy.UPDATE_ACCOUNT,
                self.close,
                body=CloseIn,
                answer=DoneOut,
                audit="account.close",
            ),
            Route(
                "POST",
                f"{path}/password",
                policy.UPDATE_ACCOUNT,
                self.change_password,
                body=PasswordChangeIn,
                answer=DoneOut,
                audit="account.password",
            ),
            Route(
                "GET",
                f"{path}/export",
                policy.READ_ACCOUNT,
                self.export,
                answer=dict[str, Any],
                rate=EXPORTS,
            ),
        ]

    async def me(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Who is signed in."""
        return answer(await self._profile.of(caller_of(request)))

    async def change(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Change one's name, e-mail or password; a new e-mail counts once it is verified."""
        changes = body_of(request, MeChangesIn)
        return answer(await self._profile.change(caller_of(request), changes))

    async def close(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Delete one's own account and everything in it."""
        await self._profile.close(caller_of(request), body_of(request, CloseIn).password)
        response = answer(DoneOut(_CLOSED))
        clear_session(request, response)
        return response

    async def change_password(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Set a new password; every session there is ends."""
        body = body_of(request, PasswordChangeIn)
        caller = caller_of(request)
        await self._profile.change_password(caller, body.old_password, body.new_password)
        response = answer(DoneOut("The password was changed. Sign in with the new one."))
        clear_session(request, response)
        return response

    async def export(self, request: aiohttp_web.Request) -> aiohttp_web.StreamResponse:
        """Everything that is one's own, as one JSON document."""
        pieces = self._export.of(caller_of(request).user_id)
        first = await anext(pieces)
        response = aiohttp_web.StreamResponse(
            headers={
                "Content-Type": "application/json",
                "Content-Disposition": 'attachment; filename="vareon-export.json"',
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
            }
        )
        with whole_or_cut(request):
            await response.prepare(request)
            await response.write(first)
            async for piece in pieces:
                await response.write(piece)
            await response.write_eof()
        return response
