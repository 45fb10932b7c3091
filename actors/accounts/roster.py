"""Keeps an administrator: every change of what an account may do passes here, one after another."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import bindparam, select

from actors import names, policy
from actors.accounts import held
from actors.accounts.messages import (
    AccessOutcome,
    ChangeAccess,
    CloseAccount,
    EndAccount,
    SetAccess,
    UserView,
)
from vareon_runtime.entity import (
    Context,
    EffectContext,
    Entity,
    Later,
    Message,
    Request,
    State,
    backoff,
    command,
    effect,
    entity,
)
from vareon_runtime.errors import Conflict, Overloaded, StillRunning, VareonError
from vareon_runtime.models import UserRoleRow, UserRow

MOST_PENDING = 100
_UNTIL_ANSWERED = backoff(attempts=1_000_000)
"""A change whose outcome is unknown may still happen, so it counts until the account answered."""

_ADMINS = (
    select(UserRow.id)
    .join(UserRoleRow, UserRoleRow.user_id == UserRow.id)
    .where(
        UserRoleRow.role == policy.ADMIN, UserRow.is_active.is_(True), UserRow.is_verified.is_(True)
    )
    .limit(bindparam("most"))
)


class RosterState(State):
    """What the roster remembers: the changes under way.

    Attributes:
        pending: By account, the change, and whether the account stays an active administrator.
    """

    pending: dict[str, bool] = msgspec.field(default_factory=dict)


class Answered(NamedTuple):
    """What an account said to its change."""

    user_id: str
    outcome: AccessOutcome


@entity("roster")
class Roster(Entity[RosterState]):
    """There is one. Accounts hold their roles; the roster decides in which order they change.

    Who is an administrator is read from committed rows, less those whose change is under way: so
    of two requests that each would take one of the last two, one is refused.
    """

    def permit(self, message: Message | None, context: Context) -> None:
        """Whoever may manage accounts, and everybody who ends their own."""
        who = context.principal
        own = isinstance(message, EndAccount) and who is not None and who.user_id == message.user_id
        if not own:
            policy.check(who, policy.MANAGE_ACCOUNTS)

    @command(creates=True)
    async def change(self, message: ChangeAccess, context: Context) -> Later[AccessOutcome]:
        """Change roles, activity or password of an account."""
        access = await self._reachable(message.user_id, context)
        roles, is_active = message.roles, access.is_active
        if roles is not None:
            roles, permissions = await held.known(roles, context)
            policy.check_within(context.principal, permissions)
        if message.is_active is not None:
            is_active = message.is_active
        stays = is_active and policy.ADMIN in (access.roles if roles is None else roles)
        await self._begin(message.user_id, stays=stays, context=context)
        wanted = SetAccess(roles, message.is_active, message.hashed_password)
        return context.after(self.set_access(message.user_id, wanted), then=self.done)

    @command(creates=True)
    async def end(self, message: EndAccount, context: Context) -> Later[AccessOutcome]:
        """Close an account; everything of theirs is deleted from then on."""
        await self._reachable(message.user_id, context)
        await self._begin(message.user_id, stays=False, context=context)
        return context.after(self.close_account(message.user_id), then=self.done)

    @effect(retry=_UNTIL_ANSWERED)
    async def set_access(self, user_id: str, wanted: SetAccess, context: EffectContext) -> Answered:
        """Have the account change."""
        return await _answer(user_id, wanted, context)

    @effect(retry=_UNTIL_ANSWERED)
    async def close_account(self, user_id: str, context: EffectContext) -> Answered:
        """Have the account close."""
        return await _answer(user_id, CloseAccount(), context)

    async def done(self, answered: Answered, context: Context) -> AccessOutcome:
        """The account has answered; the next change of it may begin."""
        self.state.pending.pop(answered.user_id, None)
        return answered.outcome

    async def _reachable(self, user_id: str, context: Context) -> held.Access:
        """What an account may do; refused if that is more than the caller may."""
        access = await held.access_of(user_id, context)
        who = context.principal
        if who is not None and who.user_id != user_id:
            policy.check_within(who, await held.allowed(access.roles, context))
        return access

    async def _begin(self, user_id: str, *, stays: bool, context: Context) -> None:
        pending = self.state.pending
        if user_id in pending:
            raise StillRunning("This account is being changed right now; try again.", 1.0)
        if len(pending) >= MOST_PENDING:
            raise Overloaded("Too many accounts are being changed right now; try again.", 1.0)
        if not stays:
            leaving = {user_id, *(one for one, remains in pending.items() if not remains)}
            rows: list[Any] = await context.read(_ADMINS, most=len(leaving) + 1)
            if all(row.id in leaving for row in rows):
                raise Conflict(
                    "This is the last active administrator; make another account one first."
                )
        pending[user_id] = stays


async def _answer(
    user_id: str, message: SetAccess | CloseAccount, context: EffectContext
) -> Answered:
    request: Request[Any] = message
    try:
        reply = await context.ask(names.user(user_id), request)
    except VareonError as error:
        if error.retryable:
            raise
        return Answered(user_id, AccessOutcome(None, error.code, error.detail))
    return Answered(user_id, AccessOutcome(reply if isinstance(reply, UserView) else None))
