"""A role that was made here: a name for some permissions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import func, select

from actors import policy
from actors.accounts.messages import ChangeRole, CreateRole, DeleteRole, RoleView
from vareon_runtime.entity import Context, Entity, Message, State, command, entity
from vareon_runtime.errors import Conflict, InvalidMessage, QuotaExceeded
from vareon_runtime.models import RolePermissionRow, RoleRow, UserRoleRow

MOST_ROLES = 200
LONGEST_DESCRIPTION = 200
_NAME = re.compile(r"[a-z][a-z0-9_-]{1,39}")
_COUNT = select(func.count().label("made")).select_from(RoleRow)


class RoleState(State):
    """What a role remembers; its permissions are in rows of their own as well."""

    name: str = ""
    description: str = ""
    permissions: tuple[str, ...] = ()
    created_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    updated_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)


@entity("role", row=RoleRow)
class Role(Entity[RoleState]):
    """Nobody makes, changes or ends a role that allows more than they may do themselves."""

    def permit(self, message: Message | None, context: Context) -> None:
        """Only whoever may change roles, and the system itself."""
        policy.check(context.principal, policy.WRITE_ROLES)

    @command(creates=True)
    async def create(self, message: CreateRole, context: Context) -> RoleView:
        """Make it."""
        if self.exists:
            raise Conflict("This role exists already.")
        made = await context.read(_COUNT)
        if made[0].made >= MOST_ROLES:
            raise QuotaExceeded(f"There are {MOST_ROLES} roles already; delete one first.")
        state = self.state
        state.name = _checked_name(message.name)
        state.description = _checked_description(message.description)
        state.created_at = state.updated_at = context.now()
        self._allow(message.permissions, context)
        return self._view()

    @command
    async def change(self, message: ChangeRole, context: Context) -> RoleView:
        """Change it; whoever holds it notices within seconds."""
        policy.check_within(context.principal, self.state.permissions)
        if message.name is not None:
            self.state.name = _checked_name(message.name)
        if message.description is not None:
            self.state.description = _checked_description(message.description)
        if message.permissions is not None:
            context.delete_rows(RolePermissionRow, role_id=self.key)
            self._allow(message.permissions, context)
        self.state.updated_at = context.now()
        return self._view()

    @command
    async def delete(self, message: DeleteRole, context: Context) -> bool:
        """End it. Nobody holds it any more from the same commit on, and its id never comes back."""
        policy.check_within(context.principal, self.state.permissions)
        context.delete_rows(UserRoleRow, role=self.key)
        context.delete_rows(RolePermissionRow, role_id=self.key)
        context.delete()
        return True

    def _allow(self, permissions: tuple[str, ...], context: Context) -> None:
        checked = _checked_permissions(permissions)
        policy.check_within(context.principal, checked)
        self.state.permissions = checked
        for permission in checked:
            context.insert(RolePermissionRow, role_id=self.key, permission=permission)

    def _view(self) -> RoleView:
        state = self.state
        return RoleView(self.key, state.name, state.description, state.permissions)


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise InvalidMessage(
            "A role's name has 2 to 40 of: small letters, digits, '_', '-'; a letter comes first."
        )
    if name in policy.ROLES:
        raise Conflict(f"'{name}' is a built-in role and stays as it is; choose another name.")
    return name


def _checked_description(description: str) -> str:
    if len(description) > LONGEST_DESCRIPTION or not (description + " ").isprintable():
        raise InvalidMessage(
            f"A role's description has up to {LONGEST_DESCRIPTION} printable characters."
        )
    return description


def _checked_permissions(permissions: Iterable[str]) -> tuple[str, ...]:
    wanted = sorted(set(permissions))
    unknown = [name for name in wanted if name not in policy.PERMISSIONS]
    if unknown:
        raise InvalidMessage(
            f"'{unknown[0][:80]}' is not a permission; GET /api/permissions lists them."
        )
    return tuple(wanted)
