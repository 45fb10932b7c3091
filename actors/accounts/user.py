"""An account: who may sign in, and as what."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, ClassVar

from actors.accounts.messages import (
    BeginKeyed,
    CreateUser,
    KeepFound,
    KeepOutcome,
    Outcome,
    UserView,
)
from vareon_runtime.entity import Context, Entity, Message, State, command, entity
from vareon_runtime.errors import Conflict, InvalidMessage, NotFound, NotPermitted
from vareon_runtime.message import Upgrade
from vareon_runtime.models import UserRoleRow, UserRow

ROLES = ("admin", "operator", "member", "viewer")
_USERNAME = re.compile(r"[A-Za-z0-9._@-]{1,80}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")


def _as_verified(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "is_verified": True, "token_version": 0}


class UserState(State):
    """What an account remembers."""

    schema_version: ClassVar[int] = 2
    upgrades: ClassVar[dict[int, Upgrade]] = {1: _as_verified}

    username: str = ""
    email: str | None = None
    hashed_password: str = ""
    is_active: bool = True
    is_verified: bool = True
    token_version: int = 0
    created_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    updated_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    roles: tuple[str, ...] = ()


@entity("user", row=UserRow)
class User(Entity[UserState]):
    """One account, under the user's id."""

    def permit(self, message: Message | None, context: Context) -> None:
        """Opening one takes an administrator; nobody else's exists for you."""
        who = context.principal
        if who is None or who.is_admin:
            return
        if isinstance(message, CreateUser):
            raise NotPermitted("Not enough permissions")
        if who.user_id != self.key:
            raise NotFound("User not found")

    @command(creates=True)
    async def create(self, message: CreateUser, context: Context) -> UserView:
        """Open the account."""
        if self.exists:
            raise Conflict(f"The account '{self.state.username}' exists already.")
        roles = _checked_roles(message.roles)
        state = self.state
        state.username = _checked_username(message.username)
        state.email = _checked_email(message.email)
        state.hashed_password = _checked_hash(message.hashed_password)
        state.created_at = state.updated_at = context.now()
        state.roles = roles
        for role in roles:
            context.insert(UserRoleRow, user_id=self.key, role=role)
        return UserView(
            id=self.key,
            username=state.username,
            email=state.email,
            is_active=state.is_active,
            roles=roles,
            created_at=state.created_at,
            updated_at=state.updated_at,
        )

    @command
    async def begin_keyed(self, message: BeginKeyed, context: Context) -> bytes:
        """Remember that a keyed request has begun; the state does not change."""
        return message.attempt

    @command
    async def keep_found(self, message: KeepFound, context: Context) -> bytes:
        """Remember what it has read."""
        if message.found is None:
            raise NotFound("Nothing that was read is kept under this key.")
        return message.found

    @command
    async def keep_outcome(self, message: KeepOutcome, context: Context) -> Outcome:
        """Remember what it came to."""
        if message.outcome is None:
            raise NotFound("No outcome is kept under this key.")
        return message.outcome


def _checked_username(username: str) -> str:
    if not _USERNAME.fullmatch(username):
        raise InvalidMessage("A username has 1 to 80 of: letters, digits, '.', '_', '@', '-'.")
    return username


def _checked_email(email: str | None) -> str | None:
    if not email:
        return None
    if not _EMAIL.fullmatch(email):
        raise InvalidMessage("email must be like name@example.com.")
    return email


def _checked_hash(hashed_password: str) -> str:
    if not 0 < len(hashed_password) <= 200:
        raise InvalidMessage("A password's hash has 1 to 200 characters.")
    return hashed_password


def _checked_roles(roles: tuple[str, ...]) -> tuple[str, ...]:
    unknown = sorted(set(roles) - set(ROLES))
    if unknown:
        raise InvalidMessage(f"'{unknown[0][:40]}' is not a role; use {', '.join(ROLES)}.")
    return tuple(dict.fromkeys(roles))
