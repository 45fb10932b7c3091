"""Decides about one message that was set aside."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import select

from actors.system.messages import DiscardDeadLetter, RedriveDeadLetter
from vareon_runtime.entity import Context, Entity, Message, State, command, entity
from vareon_runtime.entity.publication import Encoded
from vareon_runtime.errors import Conflict, NotFound, NotPermitted
from vareon_runtime.identity import EntityId
from vareon_runtime.storage.tables import DeadLetterRow

_LETTER = select(
    DeadLetterRow.id,
    DeadLetterRow.kind,
    DeadLetterRow.key,
    DeadLetterRow.source,
    DeadLetterRow.name,
    DeadLetterRow.body,
    DeadLetterRow.principal,
)


class DeadLetterState(State):
    """Nothing is left of a letter that was decided about but its tombstone."""


@entity("dead_letter")
class DeadLetter(Entity[DeadLetterState]):
    """Under the set-aside message's id. Being decided about ends it, so that happens once."""

    def permit(self, message: Message | None, context: Context) -> None:
        """Only administrators, and the system itself."""
        who = context.principal
        if who is not None and not who.is_admin:
            raise NotPermitted("Not enough permissions")

    @command(creates=True)
    async def redrive(self, message: RedriveDeadLetter, context: Context) -> str:
        """Send it to its entity again.

        It is sent one way and so under a new id, which comes from this letter's. Should it be
        set aside once more, that is another letter.
        """
        letter = await self._taken(context)
        if letter.source == "effect":
            raise Conflict("An effect cannot be sent again; its entity has to start a new one.")
        target = EntityId(letter.kind, letter.key)
        context.send(target, Encoded(letter.name, letter.body, letter.principal))
        return str(target)

    @command(creates=True)
    async def discard(self, message: DiscardDeadLetter, context: Context) -> bool:
        """Remove it."""
        await self._taken(context)
        return True

    async def _taken(self, context: Context) -> Any:
        """The letter, which leaves the list when this turn commits."""
        letter_id = uuid.UUID(self.key).bytes
        rows = await context.read(_LETTER.where(DeadLetterRow.id == letter_id))
        if not rows:
            raise NotFound("Dead letter not found")
        context.delete_rows(DeadLetterRow, id=letter_id)
        context.delete()
        return rows[0]
