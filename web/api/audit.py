"""The audit log."""

from __future__ import annotations

from aiohttp import web as aiohttp_web

from web.api.answers import page_answer
from web.given import query_of
from web.routes import Route
from web.schemas.audit import AuditOut, AuditQuery
from web.services import policy
from web.services.audit import Audit


class AuditRoutes:
    """``/api/system/audit``."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    def routes(self) -> list[Route]:
        """What is served here."""
        path = "/api/system/audit"
        return [
            Route(
                "GET", path, policy.READ_AUDIT, self.newest, query=AuditQuery, answer=list[AuditOut]
            )
        ]

    async def newest(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Who did what to which thing from where, the newest first."""
        items, cursor = await self._audit.newest(query_of(request, AuditQuery))
        return page_answer(request, items, cursor)
