"""Entities of the user's own over HTTP. This is the busiest route, so nothing is parsed here."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web as aiohttp_web

from vareon_runtime.errors import InvalidMessage
from vareon_runtime.identity import EntityId
from vareon_runtime.routing.bus import MessageBus
from web.body_bytes import read_bytes
from web.caller import caller_of
from web.refusals import WrongMethod
from web.routes import Route
from web.schemas.paths import EntityPath, EntityQueryPath
from web.services import policy

LONGEST_NAME = 80


class EntityRoutes:
    """``/api/entities/{kind}/{key}/{message}``."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus

    def routes(self) -> list[Route]:
        """What is served here."""
        path = "/api/entities/{kind}/{key}/{message}"
        return [
            Route(
                "POST",
                path,
                policy.TELL_ENTITY,
                self.tell,
                place=EntityPath,
                answer=Any,
                one_ask=True,
            ),
            Route(
                "GET",
                path,
                policy.ASK_ENTITY,
                self.ask,
                place=EntityQueryPath,
                answer=Any,
                refuses=(405,),
            ),
        ]

    async def tell(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Send a message; its body goes to the entity as it came."""
        body = await read_bytes(request)
        return await self._pass_on(request, body or b"{}")

    async def ask(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Send a query, its fields as parameters: numbers and the like as JSON, or plain text."""
        if not request.match_info["message"].startswith("Get"):
            raise WrongMethod("Only messages named Get... are read-only; send this one by POST.")
        if len(set(request.query)) != len(request.query):
            raise InvalidMessage("A parameter is given twice.")
        fields = {name: _value(text) for name, text in request.query.items()}
        return await self._pass_on(request, orjson.dumps(fields))

    async def _pass_on(self, request: aiohttp_web.Request, body: bytes) -> aiohttp_web.Response:
        principal, where = caller_of(request).principal, request.match_info
        name = where["message"]
        if not (name.isascii() and name.isidentifier() and len(name) <= LONGEST_NAME):
            raise InvalidMessage("This is not the name of a message.")
        # Two users' entities of one key are two entities.
        key = f"{principal.user_id}:{where['key']}"
        target = EntityId(where["kind"], key).checked()
        reply = await self._bus.ask_json(target, name, body, principal=principal)
        return aiohttp_web.Response(body=reply, content_type="application/json")


def _value(text: str) -> object:
    try:
        return orjson.loads(text)
    except ValueError:
        return text
