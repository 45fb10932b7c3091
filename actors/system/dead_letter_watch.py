"""Tells administrators of messages that were set aside.

The engine sets a message aside in whatever commit gives it up, which sends nothing. So this looks
through the rows: each letter is told once, those of one look together, and nothing is written for
it while there is none.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, func, or_, select

from actors import names, notices, policy
from actors.system.messages import Notify, WatchDeadLetters
from vareon_runtime.entity import Context, Entity, Message, State, Tick, command, entity, reminder
from vareon_runtime.models import RolePermissionRow, UserRoleRow, UserRow
from vareon_runtime.storage.tables import DeadLetterRow

EVERY_S = 30.0
SETTLED_MS = 10_000
"""How old a letter is before it is told: a commit that is on its way has ended by then, so that
none comes to light behind the point up to which they were told."""
MOST_TOLD = 100
"""Of those who decide about them."""

_NEW = (
    DeadLetterRow.given_up_at_ms > bindparam("after"),
    DeadLetterRow.given_up_at_ms <= bindparam("until"),
    # What failed to be told would otherwise be told about, for ever.
    DeadLetterRow.kind != "notifications",
)
_COUNT = select(func.count().label("letters")).select_from(DeadLetterRow).where(*_NEW)
_FIRST = (
    select(DeadLetterRow.kind, DeadLetterRow.key, DeadLetterRow.name, DeadLetterRow.code)
    .where(*_NEW)
    .order_by(DeadLetterRow.given_up_at_ms)
    .limit(1)
)
_ADMINISTRATORS = (
    select(UserRoleRow.user_id)
    .join(UserRow, UserRow.id == UserRoleRow.user_id)
    .where(
        UserRow.is_active.is_(True),
        or_(
            UserRoleRow.role == policy.ADMIN,
            UserRoleRow.role.in_(
                select(RolePermissionRow.role_id).where(
                    RolePermissionRow.permission == policy.DECIDE_DEAD_LETTERS
                )
            ),
        ),
    )
    .distinct()
    .order_by(UserRoleRow.user_id)
    .limit(MOST_TOLD)
)


class DeadLetterWatchState(State):
    """Up to when they were told, in epoch milliseconds."""

    told_until_ms: int = 0


@entity("dead_letter_watch")
class DeadLetterWatch(Entity[DeadLetterWatchState]):
    """The only one; every front door asks for it when it starts."""

    def permit(self, message: Message | None, context: Context) -> None:
        """Only the system, and who decides about them."""
        policy.check(context.principal, policy.DECIDE_DEAD_LETTERS)

    @command(creates=True)
    async def watch(self, message: WatchDeadLetters, context: Context) -> bool:
        """Begin; what was set aside before is not told."""
        if self.state.told_until_ms:
            return False
        self.state.told_until_ms = _settled_ms(context)
        context.remind("look", every=EVERY_S)
        return True

    @reminder
    async def look(self, tick: Tick, context: Context) -> None:
        """Tell what is new."""
        until = _settled_ms(context)
        new = {"after": self.state.told_until_ms, "until": until}
        count = (await context.read(_COUNT, **new))[0].letters
        if not count:
            return
        first: Any = (await context.read(_FIRST, **new))[0]
        facts = {
            "count": str(count),
            "entity": f"{first.kind}/{first.key}",
            "message": first.name,
            "code": first.code,
        }
        for row in await context.read(_ADMINISTRATORS):
            context.send(names.notifications(row.user_id), Notify(notices.DEAD_LETTERS, facts))
        self.state.told_until_ms = until


def _settled_ms(context: Context) -> int:
    return int(context.now().timestamp() * 1000) - SETTLED_MS
