"""How the modules are."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from aiohttp import web as aiohttp_web

from web.api.answers import answer
from web.caller import caller_of
from web.routes import Handler, Route
from web.schemas.status import ModuleStatus, SystemStatus
from web.services import policy
from web.services.status import Status

_SHOWN = {
    "arcana": ("status", "uptime", "active_chats", "messages_processed", "avg_response_time"),
    "myntrix": ("status", "uptime", "active_agents", "jobs_completed", "devices_connected"),
    "neosyntis": (
        "status",
        "uptime",
        "active_workflows",
        "datasets_managed",
        "search_queries_processed",
    ),
    "cognisys": ("status", "uptime", "models_active", "routing_rules", "requests_routed"),
}
"""What each module's own route tells of it."""


class StatusRoutes:
    """``/api/system/status`` and ``/api/<module>/status``."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def routes(self) -> list[Route]:
        """What is served here."""
        whole = Route(
            "GET", "/api/system/status", policy.READ_STATUS, self.all, answer=SystemStatus
        )
        return [whole, *(self._route(name, shown) for name, shown in _SHOWN.items())]

    def _route(self, module: str, shown: Iterable[str]) -> Route:
        handler, told = self._of(module, tuple(shown))
        return Route("GET", f"/api/{module}/status", policy.READ_STATUS, handler, answer=told)

    async def all(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """How every module is, in the caller's own numbers."""
        return answer(await self._status.of(caller_of(request).user_id))

    def _of(self, module: str, shown: tuple[str, ...]) -> tuple[Handler, type[msgspec.Struct]]:
        types = {field.name: field.type for field in msgspec.structs.fields(ModuleStatus)}
        told = msgspec.defstruct(
            f"{module.capitalize()}Status",
            [(name, types[name]) for name in shown],
            frozen=True,
            rename="camel",
            module=__name__,
        )

        async def one(request: aiohttp_web.Request) -> aiohttp_web.Response:
            """How one module is, in the caller's own numbers."""
            found = await self._status.of(caller_of(request).user_id)
            status = getattr(found, module)
            return answer(told(**{name: getattr(status, name) for name in shown}))

        return one, told
