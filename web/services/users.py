"""Everybody's accounts, as those see them who look after them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import func, or_, select

from actors.accounts.messages import AccessOutcome, ChangeAccess, EndAccount, UserView
from vareon_runtime.errors import NotFound
from vareon_runtime.identity import Principal
from vareon_runtime.message import Request
from vareon_runtime.models import RoleRow, UserRoleRow, UserRow
from vareon_runtime.routing.bus import MessageBus
from web.schemas.chat import UUID_PATTERN
from web.schemas.users import UserOut
from web.services import policy
from web.services.accounts import Accounts, Rows
from web.services.paging import AnySelect, Page
from web.services.passwords import Passwords
from web.services.roles import Roles
from web.services.roster import ask_roster

_USER: AnySelect = select(
    UserRow.id,
    UserRow.username,
    UserRow.email,
    UserRow.is_active,
    UserRow.is_verified,
    UserRow.created_at,
    UserRow.updated_at,
)


class Users:
    """What can be done with everybody's accounts."""

    def __init__(
        self, rows: Rows, bus: MessageBus, accounts: Accounts, roles: Roles, passwords: Passwords
    ) -> None:
        self._rows = rows
        self._bus = bus
        self._accounts = accounts
        self._roles = roles
        self._passwords = passwords

    async def page(self, page: Page, prefix: str | None) -> tuple[list[UserOut], str | None]:
        """All accounts, the oldest first, or those whose name or e-mail begins like this."""
        statement = _USER
        if prefix is not None:
            statement = statement.where(
                or_(
                    func.lower(UserRow.username).startswith(prefix.lower(), autoescape=True),
                    func.lower(UserRow.email).startswith(prefix.lower(), autoescape=True),
                )
            )
        statement = page.of(statement, UserRow.created_at, UserRow.id)
        kept, cursor = page.cut(await self._rows.rows(statement), "created_at")
        return await self._with_roles(kept), cursor

    async def user(self, user_id: str) -> UserOut:
        """One account.

        Raises:
            NotFound: If there is none with this id.
        """
        found = await self._with_roles(await self._rows.rows(_USER.where(UserRow.id == user_id)))
        if not found:
            raise NotFound("User not found")
        return found[0]

    async def create(
        self,
        principal: Principal,
        username: str,
        password: str,
        roles: Sequence[str],
        email: str | None,
    ) -> UserOut:
        """Open an account.

        Raises:
            Conflict: If the name or the e-mail is taken.
            InvalidMessage: If the password, the name or a role is not allowed.
            NotPermitted: If a role allows more than whoever opens it may do.
        """
        held = await self._roles.ids(roles)
        made = await self._accounts.create(username, password, held, email, principal)
        return UserOut(
            id=made.id,
            username=made.username,
            email=made.email,
            is_active=made.is_active,
            is_verified=made.is_verified,
            roles=sorted(set(roles)),
            created_at=made.created_at,
            updated_at=made.updated_at,
        )

    async def set_roles(self, principal: Principal, user_id: str, roles: Sequence[str]) -> UserOut:
        """Give an account these roles and no others.

        Raises:
            Conflict: If it is the last active administrator and would be none.
            NotPermitted: If it may, or would be allowed, more than the caller.
        """
        held = await self._roles.ids(roles)
        before = await self.user(user_id)
        changed = await self._ask(principal, user_id, ChangeAccess(user_id, roles=held))
        return _after(before, changed, sorted(set(roles)))

    async def set_active(self, principal: Principal, user_id: str, *, is_active: bool) -> UserOut:
        """Let it sign in, or not.

        Raises:
            Conflict: If it is the last active administrator.
        """
        before = await self.user(user_id)
        changed = await self._ask(principal, user_id, ChangeAccess(user_id, is_active=is_active))
        return _after(before, changed, before.roles)

    async def set_password(self, principal: Principal, user_id: str, password: str) -> None:
        """Give it another password; whoever was signed in is no more."""
        hashed = await self._passwords.hashed(password)
        await self._ask(principal, user_id, ChangeAccess(user_id, hashed_password=hashed))

    async def delete(self, principal: Principal, user_id: str) -> None:
        """End an account.

        Raises:
            Conflict: If it is the last active administrator.
        """
        await self._ask(principal, user_id, EndAccount(user_id))

    async def _ask(
        self, principal: Principal, user_id: str, message: Request[AccessOutcome]
    ) -> UserView | None:
        if not re.fullmatch(UUID_PATTERN, user_id):
            raise NotFound("User not found")
        return await ask_roster(self._bus, message, principal)

    async def _with_roles(self, rows: Sequence[Any]) -> list[UserOut]:
        if not rows:
            return []
        held: dict[str, list[str]] = {row.id: [] for row in rows}
        statement = (
            select(UserRoleRow.user_id, UserRoleRow.role, RoleRow.name)
            .outerjoin(RoleRow, RoleRow.id == UserRoleRow.role)
            .where(UserRoleRow.user_id.in_(list(held)))
        )
        for row in await self._rows.rows(statement):
            if row.name is not None or row.role in policy.ROLES:
                held[row.user_id].append(row.name or row.role)
        return [
            UserOut(
                id=row.id,
                username=row.username,
                email=row.email,
                is_active=bool(row.is_active),
                is_verified=bool(row.is_verified),
                roles=sorted(held[row.id]),
                created_at=row.created_at,
                updated_at=row.updated_at,
            )
            for row in rows
        ]


def _after(before: UserOut, changed: UserView | None, roles: list[str]) -> UserOut:
    """The account as the change has left it, also if it has been deleted since.

    Args:
        before: As it was.
        changed: What its entity answered.
        roles: The names of its roles now.
    """
    if changed is None:
        return before
    return msgspec.structs.replace(
        before, is_active=changed.is_active, roles=roles, updated_at=changed.updated_at
    )
