"""Messages, traces and entities, explained."""

from __future__ import annotations

from aiohttp import web as aiohttp_web

from vareon_runtime.clock import Clock
from web.api.answers import answer
from web.caller import caller_of
from web.routes import Route
from web.schemas.traces import EntityOut, MessageOut, TraceOut
from web.services import policy
from web.services.accounts import Rows
from web.services.entity_view import EntityView
from web.services.explaining import Explaining
from web.services.memories import Link, Memories


def trace_routes(rows: Rows, link: Link, clock: Clock) -> list[Route]:
    """What is served here, made of its parts."""
    memories = Memories(link)
    explaining = Explaining(rows, memories, clock)
    return TraceRoutes(explaining, EntityView(rows, memories, explaining)).routes()


class TraceRoutes:
    """``/api/system/messages``, ``/api/system/traces`` and ``/api/system/entities``."""

    def __init__(self, explaining: Explaining, entities: EntityView) -> None:
        self._explaining = explaining
        self._entities = entities

    def routes(self) -> list[Route]:
        """What is served here."""
        system = "/api/system"
        return [
            Route(
                "GET",
                f"{system}/messages/{{id}}",
                policy.EXPLAIN,
                self.message,
                answer=MessageOut,
            ),
            Route("GET", f"{system}/traces/{{id}}", policy.EXPLAIN, self.trace, answer=TraceOut),
            Route(
                "GET",
                f"{system}/entities/{{kind}}/{{key}}",
                policy.READ_ENTITIES,
                self.entity,
                answer=EntityOut,
            ),
        ]

    async def message(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """What became of a message, or where it is; one's own, or anybody's for operators."""
        found = await self._explaining.message(caller_of(request), request.match_info["id"])
        return answer(found)

    async def trace(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """The messages of a trace as a tree; one's own, or everybody's for operators."""
        found = await self._explaining.trace(caller_of(request), request.match_info["id"])
        return answer(found)

    async def entity(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """An entity's state with secrets masked, its mailbox, reminders, effects and messages."""
        where = request.match_info
        return answer(await self._entities.of(where["kind"], where["key"]))
