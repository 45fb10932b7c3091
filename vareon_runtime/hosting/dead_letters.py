"""Messages that are given up on, each kept with its reason until somebody decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table

from vareon_runtime.envelope import pack_principal
from vareon_runtime.errors import VareonError
from vareon_runtime.identity import EntityId, MessageId, Principal
from vareon_runtime.storage.changes import RowChange
from vareon_runtime.storage.tables import DeadLetterRow

_DEAD_LETTERS: Table = DeadLetterRow.__table__  # type: ignore[assignment]
_REASON_LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message with what is known of its end.

    Attributes:
        source: What brought it: ``ask``, ``send``, ``reminder``, or ``effect`` (flows too).
        attempts: How often it was tried.
        effect_id: The effect or flow that it was, if it was one.
        call: What starts that again; None if it must not be.
    """

    target: EntityId
    message_id: MessageId
    source: str
    name: str
    body: bytes
    principal: Principal | None
    sender: str
    trace_id: bytes
    error: VareonError
    attempts: int
    effect_id: bytes | None = None
    call: bytes | None = None

    def change(self, now_s: float) -> RowChange:
        """The row that keeps it, to be committed with the turn that gives it up."""
        values: dict[str, Any] = {
            "id": self.message_id,
            "kind": self.target.kind,
            "key": self.target.key,
            "source": self.source,
            "name": self.name,
            "body": self.body,
            "principal": pack_principal(self.principal),
            "sender": self.sender,
            "trace_id": self.trace_id,
            "code": self.error.code,
            "reason": self.error.detail[:_REASON_LIMIT],
            "attempts": self.attempts,
            "given_up_at_ms": int(now_s * 1000),
            "effect_id": self.effect_id,
            "call": self.call,
        }
        return RowChange("upsert", _DEAD_LETTERS, values, {})
