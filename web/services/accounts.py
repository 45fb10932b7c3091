"""Accounts: read from their rows, written by asking their entities."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from sqlalchemy import Executable, Select, or_, select

from actors import names
from actors.accounts.messages import CreateUser, UserView
from vareon_runtime.identity import IdSource, Principal
from vareon_runtime.models import (
    RolePermissionRow,
    RoleRow,
    UserLoginRow,
    UserRoleRow,
    UserRow,
    login_key,
)
from vareon_runtime.routing.bus import MessageBus
from web.refusals import NotVerified
from web.services import policy
from web.services.passwords import Passwords

_NOT_VERIFIED = (
    "Email not verified. Open the link in the letter that was sent to you, or have another one "
    "sent: POST /api/verify-email/resend."
)
Guard = Callable[[str, Callable[[], Awaitable[bool]]], Awaitable[bool]]
"""Takes the account's id, empty for nobody's, and what checks the password."""


class Rows(Protocol):
    """Whatever runs a select."""

    async def rows(self, statement: Executable) -> list[Any]:
        """Run a select and return its rows."""
        ...


@dataclass(frozen=True, slots=True)
class Account:
    """An account's row and its roles.

    Attributes:
        roles: Their names.
        grants: What a principal of this account carries; see `actors.policy`.
    """

    id: str
    username: str
    email: str | None
    hashed_password: str
    is_active: bool
    is_verified: bool
    token_version: int
    created_at: datetime
    roles: tuple[str, ...]
    grants: tuple[str, ...]


class Accounts:
    """Who may sign in, and as what."""

    def __init__(self, rows: Rows, bus: MessageBus, passwords: Passwords, ids: IdSource) -> None:
        self._rows = rows
        self._bus = bus
        self._passwords = passwords
        self._ids = ids

    async def by_id(self, user_id: str) -> Account | None:
        """The account with this id."""
        return _account(await self._rows.rows(_SELECT.where(UserRow.id == user_id)), "")

    async def signing_in(self, login: str, password: str, guard: Guard) -> Account | None:
        """The account these belong to; takes as long whether it exists or not.

        Args:
            login: A name or an e-mail.
            password: What was given with it.
            guard: Checks the password of an account, or of nobody, unless that was tried too often.

        Raises:
            LockedOut: If it was.
            QuotaExceeded: If too many are signing in at once.
            NotVerified: If the password is right, but the e-mail was never verified.
        """
        account = await self._by_login(login)
        stored = account.hashed_password if account and account.is_active else None
        matches = partial(self._passwords.matches, password, stored)
        if not await guard(account.id if account else "", matches):
            return None
        if account is not None and not account.is_verified:
            raise NotVerified(_NOT_VERIFIED)
        return account

    async def create(
        self,
        username: str,
        password: str,
        roles: tuple[str, ...],
        email: str | None,
        principal: Principal,
    ) -> UserView:
        """Open an account.

        Raises:
            Conflict: If the name or the e-mail is taken.
            InvalidMessage: If the password or the name is not allowed.
        """
        hashed = await self._passwords.hashed(password)
        return await self._bus.ask(
            names.user(self._ids.text_id()),
            CreateUser(username=username, hashed_password=hashed, roles=roles, email=email),
            principal=principal,
        )

    async def _by_login(self, login: str) -> Account | None:
        if not 0 < len(login) <= 320:
            return None
        by_key = select(UserLoginRow.user_id).where(UserLoginRow.login == login_key(login))
        either = or_(
            UserRow.username == login,
            UserRow.email == login,
            UserRow.id == by_key.scalar_subquery(),
        )
        return _account(await self._rows.rows(_SELECT.where(either)), login)


_SELECT: Select[*tuple[Any, ...]] = (
    select(
        UserRow.id,
        UserRow.username,
        UserRow.email,
        UserRow.hashed_password,
        UserRow.is_active,
        UserRow.is_verified,
        UserRow.token_version,
        UserRow.created_at,
        UserRoleRow.role,
        RoleRow.name.label("made_role"),
        RolePermissionRow.permission,
    )
    .outerjoin(UserRoleRow, UserRoleRow.user_id == UserRow.id)
    .outerjoin(RoleRow, RoleRow.id == UserRoleRow.role)
    .outerjoin(RolePermissionRow, RolePermissionRow.role_id == RoleRow.id)
)


def _account(rows: list[Any], login: str) -> Account | None:
    # Accounts of old may differ by case alone, or one's name be another's e-mail: the exact
    # spelling wins, and a name before an e-mail.
    if not rows:
        return None
    first = min(rows, key=lambda row: (row.username != login, row.email != login))
    own = [row for row in rows if row.role and row.id == first.id]
    # A role that is neither built in nor found was deleted since; it is shown no more.
    roles = {row.made_role or row.role for row in own if row.made_role or row.role in policy.ROLES}
    allowed = {row.permission for row in own if row.permission in policy.PERMISSIONS}
    return Account(
        first.id,
        first.username,
        first.email,
        first.hashed_password,
        bool(first.is_active),
        bool(first.is_verified),
        first.token_version,
        first.created_at,
        tuple(sorted(roles)),
        policy.grants({row.role for row in own}, allowed),
    )
