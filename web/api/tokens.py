"""Signing in, staying signed in, and signing out."""

from __future__ import annotations

import contextlib
from functools import partial

from aiohttp import web as aiohttp_web

from actors.sign_in.messages import SESSION_LIFE_S
from vareon_runtime.errors import NotAuthenticated, NotFound, NotPermitted
from vareon_runtime.identity import Principal
from web.api.answers import answer
from web.auditing import DONE, about, noticed
from web.client_address import address_of
from web.credentials import clear_session, identify, is_foreign, leaving, set_session
from web.given import body_of, query_of
from web.refusals import TokenReused
from web.routes import PUBLIC, Route
from web.schemas.accounts import DoneOut, SignInForm
from web.schemas.sign_in import LogoutQuery, RefreshIn, TokenOut
from web.services.accounts import Accounts
from web.services.authentication import Authenticator
from web.services.lockout import Lockout
from web.services.sign_ins import Pair, SignIns
from web.services.tokens import ACCESS_LIFE_S, Tokens


class TokenRoutes:
    """``/api/token``, ``/api/token/refresh`` and ``/api/logout``."""

    def __init__(
        self,
        accounts: Accounts,
        sign_ins: SignIns,
        tokens: Tokens,
        authenticator: Authenticator,
        lockout: Lockout,
    ) -> None:
        self._accounts = accounts
        self._sign_ins = sign_ins
        self._tokens = tokens
        self._authenticator = authenticator
        self._lockout = lockout

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
                refuses=(401, 403),
                audit="session.sign_in",
            ),
            Route(
                "POST",
                "/api/token/refresh",
                PUBLIC,
                self.refresh,
                body=RefreshIn,
                answer=TokenOut,
                rate=600,
                refuses=(401,),
            ),
            Route(
                "POST",
                "/api/logout",
                PUBLIC,
                self.sign_out,
                query=LogoutQuery,
                answer=DoneOut,
                refuses=(403,),
            ),
        ]

    async def sign_in(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Trade a name or e-mail and a password for tokens and a session."""
        form = body_of(request, SignInForm)
        address = address_of(request)
        guard = partial(self._lockout.guarded, form.username, address)
        account = await self._accounts.signing_in(form.username, form.password, guard)
        if account is None:
            raise NotAuthenticated("Incorrect username or password")
        about(request, user_id=account.id)
        client = request.headers.get("User-Agent", "")
        pair = await self._sign_ins.begin(account, address, client)
        return _answered(request, pair)

    async def refresh(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Trade a refresh token for the next access and refresh tokens.

        A refresh token counts once. Traded again within a minute it gives the same next one, for
        an answer may be lost; later its session ends, for somebody has a copy.
        """
        given = body_of(request, RefreshIn).refresh_token
        try:
            pair = await self._sign_ins.carry_on(given)
        except TokenReused as error:
            session = f"session/{error.session_id}"
            noticed(request, "session.reused", error.code, target=session, user_id=error.user_id)
            raise
        return _answered(request, pair)

    async def sign_out(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """End the session that the request came with, or all of the user's sessions."""
        if query_of(request, LogoutQuery).everywhere:
            signed_in, _ = await identify(request, self._authenticator, socket=False)
            caller = signed_in.caller
            if caller.grant.key_id is not None:
                raise NotPermitted("A key does not sign its owner out; use a token.")
            await self._sign_ins.end_everywhere(caller.principal)
            noticed(request, "session.end_everywhere", DONE, user_id=caller.user_id)
            self._authenticator.forget(caller.user_id)
        else:
            for grant in leaving(request, self._tokens):
                if grant.session_id is not None:
                    with contextlib.suppress(NotFound):
                        await self._sign_ins.end(Principal(grant.user_id), grant.session_id)
                    self._authenticator.forget(grant.user_id)
        response = answer(DoneOut("Signed out"))
        clear_session(request, response)
        return response


def _answered(request: aiohttp_web.Request, pair: Pair) -> aiohttp_web.Response:
    response = answer(TokenOut(pair.access, ACCESS_LIFE_S, pair.refresh, SESSION_LIFE_S))
    response.headers["Cache-Control"] = "no-store"
    # Another site's page may have its user's tokens, but not change who this browser is here.
    if not is_foreign(request):
        set_session(request, response, pair.cookie)
    return response
