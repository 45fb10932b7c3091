"""What becomes of a turn once its unit is durable, or is known not to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from vareon_runtime import codec
from vareon_runtime.entity.context import Changes
from vareon_runtime.errors import Conflict, InternalError, StoreFailed, Unavailable, VareonError
from vareon_runtime.hosting.delivery import Caller
from vareon_runtime.storage.ports import Unit
from vareon_runtime.telemetry import failure

if TYPE_CHECKING:
    from vareon_runtime.hosting.activation import Activation

_OK = b"\x00"
_FAILED = b"\x01"


def stored_reply(value: Any) -> bytes:
    """A reply as the inbox keeps it."""
    return _OK + codec.encode(value)


def stored_error(error: VareonError) -> bytes:
    """An error as the inbox keeps it."""
    return _FAILED + codec.encode_error(error)


def answer(caller: Caller, stored: bytes, as_json: bool) -> None:
    """Give a caller what the inbox keeps for its message."""
    body = stored[1:]
    if stored[:1] == _FAILED:
        caller.refuse(codec.decode_error(body))
    elif as_json:
        try:
            shown = codec.encode_json(msgspec.msgpack.decode(body[1:]))
        except (TypeError, ValueError, msgspec.MsgspecError) as error:
            failure("reply_not_shown", error)
            caller.refuse(InternalError("It is done, but its reply cannot be written as JSON."))
        else:
            caller.reply(shown)
    else:
        caller.reply(body)


def answer_if_owner(activation: Activation, caller: Caller, stored: bytes, as_json: bool) -> None:
    """Give a caller what was read, unless somebody else may have changed it meanwhile."""
    if activation.host.ownership.holds:
        answer(caller, stored, as_json)
    else:
        caller.refuse(Unavailable("This host cannot reach its database in time; ask again.", 0.2))


class PendingUnit:
    """A turn's unit between its end and its commit."""

    __slots__ = ("activation", "callers", "changes", "payload", "readers", "unit")

    def __init__(
        self,
        activation: Activation,
        unit: Unit,
        changes: Changes,
        payload: bytes | None,
        callers: list[tuple[Caller, bool]],
    ) -> None:
        self.activation = activation
        self.unit = unit
        self.changes = changes
        self.payload = payload
        self.callers = callers
        self.readers: list[tuple[Caller, bytes, bool]] = []
        """Queries that saw this turn's state: released with it."""

    @property
    def void(self) -> bool:
        """Whether the activation it was built on is gone."""
        return self.activation.life.value == "gone"

    def committed(self) -> None:
        """Release everything that waited for this commit."""
        activation, host = self.activation, self.activation.host
        host.unit_done(self)
        if self.payload is not None:
            for caller, as_json in self.callers:
                answer(caller, self.payload, as_json)
        for caller, payload, as_json in self.readers:
            answer_if_owner(activation, caller, payload, as_json)
        if self.changes.events:
            host.audience.show(activation.target, self.changes.events)
        host.effects.committed(self.unit, self.changes, activation)
        if self.changes.outgoing:
            host.outbox.committed(self.changes.outgoing)
        host.reminders.committed(activation.target, self.changes)
        if self.changes.deleted:
            host.entity_deleted(activation.target)
        activation.end_commit()

    def failed(self, error: VareonError) -> None:
        """Tell the callers, and drop the activation with everything built on this turn."""
        self.activation.host.unit_done(self)
        told: VareonError = error
        if isinstance(error, InternalError):
            failure("turn_not_stored", error, entity=str(self.activation.target))
        elif not isinstance(error, Conflict | StoreFailed):
            told = Unavailable(error.detail or "The change could not be stored.", 0.05)
        for caller, _ in self.callers:
            caller.refuse(told)
        for caller, _, _ in self.readers:
            caller.refuse(Unavailable("What this answer was based on was not stored.", 0.02))
        self.activation.drop(Unavailable("This entity is being loaded again.", 0.02))
        self.activation.host.reminders.failed(self.activation.target, self.changes, error)
        self.activation.host.effects.not_stored(self.unit, self.changes, error)
