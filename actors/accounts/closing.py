"""Closing an account: at once for its owner, then thing by thing for what they owned."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from actors.accounts.correspondence import Correspondence
from actors.accounts.messages import CloseAccount
from actors.arcana.messages import DeleteConversation
from actors.cognisys.messages import DeletePreference
from actors.mail.messages import DeleteMail
from actors.sign_in.messages import DeleteApiKeys, DeleteSessions
from actors.system.messages import DeleteNotifications
from vareon_runtime.entity import Context, EffectContext, Tick, backoff, command, effect, reminder
from vareon_runtime.errors import NotFound, VareonError
from vareon_runtime.identity import EntityId
from vareon_runtime.message import Request
from vareon_runtime.models import BELONGINGS, Belonging
from vareon_runtime.telemetry import failure

DELETIONS: dict[str, Callable[[], Request[bool]]] = {
    "conversation": DeleteConversation,
    "llm_preference": DeletePreference,
    "mail": DeleteMail,
    "sessions": DeleteSessions,
    "api_keys": DeleteApiKeys,
    "notifications": DeleteNotifications,
}
"""How an entity of each kind in `BELONGINGS` is asked to go."""
_AT_ONCE = 100
_ROUNDS = 5
_AGAIN_S = 60.0


class Closing(Correspondence):
    """The part of an account that ends it."""

    @command
    async def close(self, message: CloseAccount, context: Context) -> bool:
        """Sign its owner out everywhere, then delete what is theirs; again changes nothing."""
        state = self.state
        if state.closing:
            return True
        state.closing, state.is_active = True, False
        state.token_version += 1
        state.updated_at = context.now()
        state.pending_email = state.verification_hash = state.reset_hash = None
        self._go_on(context)
        return True

    @effect(retry=backoff(attempts=5))
    async def delete_belongings(self, context: EffectContext) -> bool:
        """Ask every entity of theirs to go."""
        # What was under way while the account was closed may have made something meanwhile.
        for _ in range(_ROUNDS):
            found = [await self._delete_all(belonging, context) for belonging in BELONGINGS]
            if not any(found):
                break
        return True

    async def emptied(self, done: bool, context: Context) -> None:
        """Go, with a last letter that is kept under nobody's name."""
        if self.state.email is not None:
            self.write_letter(context, "account_closed", self.state.email, owner="")
        context.delete()

    async def not_emptied(self, error: VareonError, context: Context) -> None:
        """Try again later, as long as it takes."""
        failure("account_not_emptied", error, user_id=self.key, code=error.code)
        context.remind("go_on_closing", after=_AGAIN_S)

    @reminder
    async def go_on_closing(self, tick: Tick, context: Context) -> None:
        """The next try."""
        self._go_on(context)

    def _go_on(self, context: Context) -> None:
        context.start(self.delete_belongings(), then=self.emptied, failed=self.not_emptied)

    async def _delete_all(self, belonging: Belonging, context: EffectContext) -> bool:
        key: Any = belonging.key if belonging.entity is None else belonging.entity
        wanted = select(key).where(belonging.owner == self.key)
        wanted = wanted.distinct().order_by(key).limit(_AT_ONCE)
        last = ""
        while rows := await context.read(wanted.where(key > last)):
            for row in rows:
                await _delete(EntityId(belonging.kind, row[0]), context)
            last = rows[-1][0]
        return bool(last)


async def _delete(target: EntityId, context: EffectContext) -> None:
    message: Any = DELETIONS[target.kind]()
    with contextlib.suppress(NotFound):
        await context.ask(target, message)
