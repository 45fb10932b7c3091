"""Roles, and what may be allowed at all."""

from __future__ import annotations

from aiohttp import web as aiohttp_web

from actors.accounts.messages import RoleView
from web.api.answers import answer
from web.auditing import about
from web.caller import caller_of
from web.given import body_of
from web.routes import Route
from web.schemas.accounts import DoneOut
from web.schemas.roles import PermissionInfo, RoleChange, RoleIn
from web.services import policy
from web.services.roles import Roles, permissions


class RoleRoutes:
    """``/api/roles`` and ``/api/permissions``."""

    def __init__(self, roles: Roles) -> None:
        self._roles = roles

    def routes(self) -> list[Route]:
        """What is served here."""
        roles, see, write = "/api/roles", policy.READ_ROLES, policy.WRITE_ROLES
        one = roles + "/{id}"
        return [
            Route("GET", "/api/permissions", see, self.permissions, answer=list[PermissionInfo]),
            Route("GET", roles, see, self.all, answer=list[RoleView]),
            Route(
                "POST",
                roles,
                write,
                self.create,
                body=RoleIn,
                answer=RoleView,
                status=201,
                audit="role.create",
            ),
            Route("GET", one, see, self.role, answer=RoleView),
            Route(
                "PUT",
                one,
                write,
                self.change,
                body=RoleChange,
                answer=RoleView,
                audit="role.change",
            ),
            Route("DELETE", one, write, self.delete, answer=DoneOut, audit="role.delete"),
        ]

    async def permissions(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Everything that a role may allow."""
        return answer(permissions())

    async def all(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """The built-in roles, then those that were made here."""
        return answer(await self._roles.all())

    async def role(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """One role."""
        return answer(await self._roles.role(request.match_info["id"]))

    async def create(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Make a role; it allows no more than its maker may."""
        body = body_of(request, RoleIn)
        about(request, detail=f"{body.name}: {', '.join(body.permissions)}")
        made = await self._roles.create(caller_of(request).principal, body)
        about(request, target=f"role/{made.id}")
        return answer(made, status=201)

    async def change(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Change a role; whoever holds it notices within five seconds."""
        principal, role_id = caller_of(request).principal, request.match_info["id"]
        body = body_of(request, RoleChange)
        about(request, detail=None if body.permissions is None else ", ".join(body.permissions))
        return answer(await self._roles.change(principal, role_id, body))

    async def delete(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Delete a role and take it from whoever holds it."""
        await self._roles.delete(caller_of(request).principal, request.match_info["id"])
        return answer(DoneOut("Role deleted"))
