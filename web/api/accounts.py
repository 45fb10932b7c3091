"""Signing in and out, and the caller's own account."""

from __future__ import annotations

from aiohttp import web as aiohttp_web

from vareon_runtime.errors import NotAuthenticated
from web.api.answers import answer
from web.auditing import about
from web.credentials import clear_session, set_session
from web.given import body_of
from web.routes import PUBLIC, Route
from web.schemas.accounts import DoneOut, SignInForm, TokenOut
from web.services.accounts import Accounts
from web.services.tokens import ACCESS_LIFE_S, Tokens


class AccountRoutes:
    """``/api/token``, ``/api/logout`` and ``/api/users/me``."""

    def __init__(self, accounts: Accounts, tokens: Tokens) -> None:
        self._accounts = accounts
        self._tokens = tokens

    def routes(self) -> list[Route]:
        """What is served here."""
        return [
            Route(
                "POST",
                "/api/token",
                PUBLIC,
                self.sign_in,
                body=SignInForm,
                form=True,
                answer=TokenOut,
                rate=600,
                audit="session.sign_in",
            ),
            Route("POST", "/api/logout", PUBLIC, self.sign_out, answer=DoneOut),
        ]

    async def sign_in(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Trade a name or e-mail and a password for a token and a session."""
        form = body_of(request, SignInForm)
        account = await self._accounts.signing_in(form.username, form.password)
        if account is None:
            raise NotAuthenticated("Incorrect username or password")
        about(request, user_id=account.id)
        response = answer(TokenOut(self._tokens.issue_access(account.id), ACCESS_LIFE_S))
        set_session(request, response, self._tokens.issue_session(account.id))
        return response

    async def sign_out(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Take the browser's session away."""
        response = answer(DoneOut("Signed out"))
        clear_session(request, response)
        return response
