"""Roles: read from their rows, changed by asking their entities."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from actors import names
from actors.accounts.messages import ChangeRole, CreateRole, DeleteRole, RoleView
from vareon_runtime.errors import Conflict, InvalidMessage, NotFound
from vareon_runtime.identity import IdSource, Principal
from vareon_runtime.models import RolePermissionRow, RoleRow
from vareon_runtime.routing.bus import MessageBus
from web.schemas.profile import PermissionOut, RoleOut
from web.schemas.roles import PermissionInfo, RoleChange, RoleIn
from web.services import policy
from web.services.accounts import Rows

_BUILTIN = {
    "viewer": "Sees their own things",
    "member": "Uses what there is",
    "operator": "Sees how the system is as well",
    "admin": "May do everything",
}
_MADE = (
    select(RoleRow.id, RoleRow.name, RoleRow.description, RolePermissionRow.permission)
    .outerjoin(RolePermissionRow, RolePermissionRow.role_id == RoleRow.id)
    .order_by(RoleRow.name, RolePermissionRow.permission)
)


def permissions() -> list[PermissionInfo]:
    """Every permission there is."""
    return [
        PermissionInfo(name, meaning, [role for role, held in policy.ROLES.items() if name in held])
        for name, meaning in policy.PERMISSIONS.items()
    ]


class Roles:
    """What can be done with roles."""

    def __init__(self, rows: Rows, bus: MessageBus, ids: IdSource) -> None:
        self._rows = rows
        self._bus = bus
        self._ids = ids

    async def all(self) -> list[RoleView]:
        """The built-in ones, then those that were made here, by name; there are not many."""
        return [*map(_builtin, policy.ROLES), *_views(await self._rows.rows(_MADE))]

    async def shown(self, held: Iterable[str]) -> list[RoleOut]:
        """Roles of these names with what they allow."""
        wanted = tuple(held)
        builtin = all(name in policy.ROLES for name in wanted)
        known = [*map(_builtin, wanted)] if builtin else await self.all()
        return [_shown(role) for role in known if role.name in wanted]

    async def role(self, role_id: str) -> RoleView:
        """One of them.

        Raises:
            NotFound: If there is none with this id.
        """
        found = next((role for role in await self.all() if role.id == role_id), None)
        if found is None:
            raise NotFound("Role not found")
        return found

    async def create(self, principal: Principal, body: RoleIn) -> RoleView:
        """Make one.

        Raises:
            Conflict: If the name is taken.
            NotPermitted: If it would allow more than its maker may.
        """
        message = CreateRole(body.name, body.permissions, body.description)
        return await self._bus.ask(names.role(self._ids.text_id()), message, principal=principal)

    async def change(self, principal: Principal, role_id: str, body: RoleChange) -> RoleView:
        """Change one; what is None stays."""
        _refuse_builtin(role_id)
        message = ChangeRole(body.name, body.permissions, body.description)
        return await self._bus.ask(names.role(role_id), message, principal=principal)

    async def delete(self, principal: Principal, role_id: str) -> None:
        """End one; nobody holds it any more."""
        _refuse_builtin(role_id)
        await self._bus.ask(names.role(role_id), DeleteRole(), principal=principal)

    async def ids(self, wanted: Iterable[str]) -> tuple[str, ...]:
        """How accounts remember roles of these names.

        Raises:
            InvalidMessage: If one does not exist.
        """
        asked = tuple(dict.fromkeys(wanted))
        made = [name for name in asked if name not in policy.ROLES]
        found = {}
        if made:
            statement = select(RoleRow.id, RoleRow.name).where(RoleRow.name.in_(made))
            found = {row.name: row.id for row in await self._rows.rows(statement)}
        unknown = [name for name in made if name not in found]
        if unknown:
            raise InvalidMessage(f"'{unknown[0][:40]}' is not a role; GET /api/roles lists them.")
        return tuple(found.get(name, name) for name in asked)


def _builtin(name: str) -> RoleView:
    return RoleView(name, name, _BUILTIN[name], tuple(sorted(policy.ROLES[name])), builtin=True)


def _shown(role: RoleView) -> RoleOut:
    return RoleOut(role.id, role.name, [PermissionOut(one, one) for one in role.permissions])


def _refuse_builtin(role_id: str) -> None:
    if role_id in policy.ROLES:
        raise Conflict(f"'{role_id}' is a built-in role and stays as it is; make one of your own.")


def _views(rows: Iterable[Any]) -> list[RoleView]:
    made: dict[str, RoleView] = {}
    allowed: dict[str, list[str]] = {}
    for row in rows:
        held = allowed.setdefault(row.id, [])
        if row.permission is not None:
            held.append(row.permission)
        made[row.id] = RoleView(row.id, row.name, row.description, tuple(held))
    return list(made.values())
