"""The audit log: one entry after another, each bound to the one before."""

from __future__ import annotations

from datetime import UTC, datetime

from actors.system.messages import RecordAudit
from vareon_runtime.entity import Context, Entity, Message, State, command, entity
from vareon_runtime.errors import NotPermitted
from vareon_runtime.models import AUDIT_BEGIN, AuditRow, audit_hash

LONGEST = {
    "kind": 16,
    "action": 80,
    "result": 40,
    "user_id": 36,
    "target": 300,
    "detail": 500,
    "ip": 45,
    "request_id": 64,
}
"""Characters of each field that are kept."""


class AuditState(State):
    """How far the chain has got.

    Attributes:
        number: The newest entry's; 0 before the first.
        hash: The newest entry's.
        at: The newest entry's: a clock that is set back does not make the log go back.
    """

    number: int = 0
    hash: str = AUDIT_BEGIN
    at: datetime = datetime(1970, 1, 1, tzinfo=UTC)


@entity("audit")
class Audit(Entity[AuditState]):
    """There is one, so its entries have one order. Its turns only add; nothing else writes rows."""

    def permit(self, message: Message | None, context: Context) -> None:
        """The system alone: nobody writes about themselves."""
        if context.principal is not None:
            raise NotPermitted("Not enough permissions")

    @command(creates=True)
    async def record(self, message: RecordAudit, context: Context) -> int:
        """Add an entry."""
        state = self.state
        state.number += 1
        state.at = max(state.at, context.now())
        told = {name: _kept(getattr(message, name), most) for name, most in LONGEST.items()}
        entry = {"number": state.number, "at": state.at, **told}
        state.hash = audit_hash(state.hash, entry)
        context.insert(AuditRow, hash=state.hash, **entry)
        return state.number


def _kept(text: str | None, most: int) -> str | None:
    """A field's beginning; half of a surrogate pair could not be stored."""
    return None if text is None else text.encode(errors="replace").decode()[:most]
