"""Decides about one message that was set aside."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import select

from actors.policy import DECIDE_DEAD_LETTERS, check
from actors.system.messages import DiscardDeadLetter, RedriveDeadLetter
from vareon_runtime.entity import Context, Entity, Message, State, command, entity
from vareon_runtime.entity.publication import Encoded
from vareon_runtime.entity.redriven import Redriven, redriven
from vareon_runtime.errors import Conflict, NotFound
from vareon_runtime.identity import EntityId
from vareon_runtime.storage.tables import DeadLetterRow, JournalRow

_LETTER = select(
    DeadLetterRow.id,
    DeadLetterRow.kind,
    DeadLetterRow.key,
    DeadLetterRow.source,
    DeadLetterRow.name,
    DeadLetterRow.body,
    DeadLetterRow.principal,
    DeadLetterRow.effect_id,
    DeadLetterRow.call,
)
_NOT_TWICE = (
    "This effect may have been done, and it must not be done twice (at_most_once). Find out "
    "whether it was; if not, have its entity start a new one. Then discard this letter."
)
_NOT_KNOWN = (
    "An earlier version set this effect aside without what starts it again. Have its entity start "
    "a new one, and discard this letter."
)


class DeadLetterState(State):
    """Nothing is left of a letter that was decided about but its tombstone."""


@entity("dead_letter")
class DeadLetter(Entity[DeadLetterState]):
    """Under the set-aside message's id. Being decided about ends it, so that happens once."""

    def permit(self, message: Message | None, context: Context) -> None:
        """Only whoever may decide about them, and the system itself."""
        check(context.principal, DECIDE_DEAD_LETTERS)

    @command(creates=True)
    async def redrive(self, message: RedriveDeadLetter, context: Context) -> str:
        """Send it to its entity again.

        It is sent one way and so under a new id, which comes from this letter's. An effect is
        started again under its own id, and a flow goes on at its last finished step. Should it be
        set aside once more, that is another letter.
        """
        letter = await self._taken(context)
        target = EntityId(letter.kind, letter.key)
        context.send(target, self._again(letter))
        return str(target)

    @command(creates=True)
    async def discard(self, message: DiscardDeadLetter, context: Context) -> bool:
        """Remove it."""
        letter = await self._taken(context)
        if letter.effect_id is not None:
            context.delete_rows(JournalRow, effect_id=letter.effect_id)
        return True

    def _again(self, letter: Any) -> Encoded:
        if letter.source not in ("reminder", "effect"):
            return Encoded(letter.name, letter.body, letter.principal)
        letter_id = uuid.UUID(self.key).bytes
        if letter.source == "reminder":
            return redriven(Redriven(letter_id, letter.name, letter.body), letter.principal)
        if letter.call is None:
            raise Conflict(_NOT_TWICE if letter.effect_id is not None else _NOT_KNOWN)
        message = Redriven(letter_id, letter.name, b"", letter.effect_id, letter.call)
        return redriven(message, letter.principal)

    async def _taken(self, context: Context) -> Any:
        """The letter, which leaves the list when this turn commits."""
        letter_id = uuid.UUID(self.key).bytes
        rows = await context.read(_LETTER.where(DeadLetterRow.id == letter_id))
        if not rows:
            raise NotFound("Dead letter not found")
        context.delete_rows(DeadLetterRow, id=letter_id)
        context.delete()
        return rows[0]
