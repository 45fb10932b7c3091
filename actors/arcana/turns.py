"""The turns of a conversation that have not been answered yet, or failed lately."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from actors.arcana.messages import TurnFailed
from vareon_runtime.entity import State
from vareon_runtime.errors import VareonError

MAX_WAITING = 16
MAX_FAILED = 16
MAX_DETAIL = 500


class OpenTurn(msgspec.Struct):
    """The turn whose answer is streaming."""

    turn_id: str
    effect_id: bytes
    cancelled: bool = False


class FailedTurn(msgspec.Struct, frozen=True):
    """How a turn ended without an answer, for readers that were away."""

    turn_id: str
    code: str
    detail: str
    retryable: bool
    retry_after_s: float | None = None

    @classmethod
    def by(cls, turn_id: str, error: VareonError) -> FailedTurn:
        """Ended by an error."""
        detail = error.detail[:MAX_DETAIL]
        return cls(turn_id, error.code, detail, error.retryable, error.retry_after_s)

    def event(self) -> TurnFailed:
        """What subscribers are shown."""
        return TurnFailed(
            turn_id=self.turn_id,
            code=self.code,
            detail=self.detail,
            retryable=self.retryable,
            retry_after_s=self.retry_after_s,
        )


class ConversationState(State):
    """What a conversation remembers besides its rows.

    Attributes:
        next_position: Where the next message stands; also how many there are.
        open: The turn that is being answered.
        waiting: Ids of turns accepted meanwhile, in order.
        failed: The newest turns that ended without an answer.
    """

    user_id: str = ""
    title: str | None = None
    created_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    updated_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    next_position: int = 0
    open: OpenTurn | None = None
    waiting: list[str] = msgspec.field(default_factory=list)
    failed: list[FailedTurn] = msgspec.field(default_factory=list)

    def is_pending(self, turn_id: str) -> bool:
        """Whether a turn is still to be answered."""
        return turn_id in self.waiting or (self.open is not None and self.open.turn_id == turn_id)

    def failure(self, turn_id: str) -> FailedTurn | None:
        """How a turn failed, if it did so lately."""
        return next((one for one in self.failed if one.turn_id == turn_id), None)

    def keep_failure(self, failed: FailedTurn) -> None:
        """Remember it, and forget the oldest beyond the bound."""
        self.failed = [*self.failed, failed][-MAX_FAILED:]
