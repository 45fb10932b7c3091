"""Personal keys, and tickets for sockets."""

from __future__ import annotations

from aiohttp import web as aiohttp_web

from actors.sign_in.messages import ApiKeyView
from vareon_runtime.errors import NotFound
from web.api.answers import answer, page_answer
from web.api.identifiers import is_uuid
from web.auditing import about
from web.caller import caller_of
from web.given import body_of, query_of
from web.routes import Route
from web.schemas.accounts import DoneOut
from web.schemas.paging import PageQuery
from web.schemas.sign_in import KeyIn, NewKeyOut, TicketOut
from web.services import policy
from web.services.api_keys import ApiKeys
from web.services.authentication import Authenticator
from web.services.paging import Page
from web.services.tokens import TICKET_LIFE_S, Tokens

DAY_S = 24 * 3600


class KeyRoutes:
    """``/api/keys`` and ``/api/ws-ticket``."""

    def __init__(self, keys: ApiKeys, tokens: Tokens, authenticator: Authenticator) -> None:
        self._keys = keys
        self._tokens = tokens
        self._authenticator = authenticator

    def routes(self) -> list[Route]:
        """What is served here."""
        keys, may = "/api/keys", policy.MANAGE_KEYS
        return [
            Route("GET", keys, may, self.listed, query=PageQuery, answer=list[ApiKeyView]),
            Route(
                "POST",
                keys,
                may,
                self.create,
                body=KeyIn,
                answer=NewKeyOut,
                status=201,
                # Not to be kept as it is under an Idempotency-Key: it holds the secret. Its one
                # message goes to an entity of the caller's, and the secret follows from the key.
                one_ask=True,
                audit="key.create",
            ),
            Route(
                "DELETE",
                keys + "/{id}",
                may,
                self.delete,
                answer=DoneOut,
                one_ask=True,
                audit="key.delete",
            ),
            # Nothing is kept of a ticket before it is used: whoever asks again gets another.
            Route(
                "POST",
                "/api/ws-ticket",
                policy.READ_ACCOUNT,
                self.ticket,
                answer=TicketOut,
                one_ask=True,
            ),
        ]

    async def listed(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """The caller's keys, the newest first; never what makes them keys."""
        page = Page.asked(query_of(request, PageQuery))
        items, cursor = await self._keys.listed(caller_of(request), page)
        return page_answer(request, items, cursor)

    async def create(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Make a key; it is shown in this answer and never again."""
        given = body_of(request, KeyIn)
        life_s = given.expires_in_days * DAY_S
        view, text = await self._keys.create(
            caller_of(request), given.name, given.permissions, life_s
        )
        about(request, target=f"key/{view.id}", detail=" ".join(view.permissions)[:200])
        response = answer(NewKeyOut.of(view, text), status=201)
        response.headers["Cache-Control"] = "no-store"
        return response

    async def delete(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Let a key count no more."""
        key_id = request.match_info["id"].lower()
        if not is_uuid(key_id):
            raise NotFound("Key not found")
        caller = caller_of(request)
        await self._keys.delete(caller.principal, key_id)
        self._authenticator.forget(caller.user_id)
        return answer(DoneOut("Key deleted"))

    async def ticket(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """A ticket that opens one socket within 30 seconds, as ``?ticket=``."""
        ticket = self._tokens.issue_ticket(caller_of(request).grant)
        response = answer(TicketOut(ticket, TICKET_LIFE_S))
        response.headers["Cache-Control"] = "no-store"
        return response
