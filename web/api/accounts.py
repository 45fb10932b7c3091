"""Signing in and out, and accounts."""

from __future__ import annotations

import asyncio

from aiohttp import web as aiohttp_web
from aiohttp.http_exceptions import HttpProcessingError

from vareon_runtime.errors import InvalidMessage, NotAuthenticated
from web.api.answers import answer
from web.api.bodies import read_json
from web.body_bytes import BODY_TIME_S, check_head
from web.caller import caller_of
from web.credentials import clear_session, set_session
from web.refusals import Malformed, TooSlow
from web.routes import PUBLIC, Route
from web.schemas.accounts import DoneOut, MeOut, TokenOut, UserIn
from web.services import policy
from web.services.accounts import Accounts
from web.services.tokens import ACCESS_LIFE_S, Tokens


class AccountRoutes:
    """``/api/token``, ``/api/logout`` and ``/api/users``."""

    def __init__(self, accounts: Accounts, tokens: Tokens) -> None:
        self._accounts = accounts
        self._tokens = tokens

    def routes(self) -> list[Route]:
        """What is served here."""
        return [
            Route("POST", "/api/token", PUBLIC, self.sign_in),
            Route("POST", "/api/logout", PUBLIC, self.sign_out),
            Route("GET", "/api/users/me", policy.READ_ACCOUNT, self.me),
            Route("POST", "/api/users", policy.CREATE_ACCOUNT, self.create),
        ]

    async def sign_in(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Trade a name or e-mail and a password for a token and a session."""
        login, password = await _sign_in_form(request)
        account = await self._accounts.signing_in(login, password)
        if account is None:
            raise NotAuthenticated("Incorrect username or password")
        response = answer(TokenOut(self._tokens.issue_access(account.id), ACCESS_LIFE_S))
        set_session(request, response, self._tokens.issue_session(account.id))
        return response

    async def sign_out(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Take the browser's session away."""
        response = answer(DoneOut("Signed out"))
        clear_session(request, response)
        return response

    async def me(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Who is signed in."""
        caller = caller_of(request)
        roles, permissions = caller.principal.roles, sorted(caller.permissions)
        return answer(MeOut(caller.user_id, caller.username, caller.email, roles, permissions))

    async def create(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Open an account."""
        body = await read_json(request, UserIn)
        principal = caller_of(request).principal
        view = await self._accounts.create(
            body.username, body.password, body.roles, body.email, principal
        )
        return answer(view, status=201)


async def _sign_in_form(request: aiohttp_web.Request) -> tuple[str, str]:
    check_head(request)
    try:
        async with asyncio.timeout(BODY_TIME_S):
            form = await request.post()
    except TimeoutError:
        raise TooSlow("The form did not arrive in time.") from None
    except (ValueError, LookupError, HttpProcessingError, aiohttp_web.RequestPayloadError) as error:
        raise Malformed("The form cannot be read.") from error
    found: dict[str, str] = {}
    for name in ("username", "password"):
        values = form.getall(name, [])
        if len(values) != 1 or not isinstance(values[0], str):
            message = "Field required" if not values else "One text field is expected"
            raise InvalidMessage(
                f"'{name}' is not valid: {message}.",
                errors=({"loc": ["body", name], "message": message},),
            )
        found[name] = values[0]
    return found["username"], found["password"]
