"""An effect as it is stored, and as it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from vareon_runtime.entity.context import StartedEffect
from vareon_runtime.entity.handlers import EffectHandler
from vareon_runtime.envelope import Wait
from vareon_runtime.identity import EntityId, MessageId, Principal
from vareon_runtime.storage.ports import EffectRecord


class StoredCall(msgspec.Struct, frozen=True):
    """What a stored effect needs to be run again.

    Attributes:
        arguments: msgpack of the arguments, in order.
        then: Method that takes the result.
        failed: Method that takes the error, if any.
        message_id: The message whose turn started it.
        digest: That message's, to complete its inbox row.
        answers: Whether that message is still owed its reply.
        trace_id: The trace it belongs to.
        deadline_s: When whoever waits for the answer gives up; 0 if nobody waits.
    """

    arguments: bytes
    then: str
    failed: str | None
    message_id: MessageId
    digest: bytes
    answers: bool
    principal: Principal | None
    trace_id: bytes
    waits: tuple[Wait, ...] = ()
    """Who waits for what this effect brings, itself included."""
    deadline_s: float = 0.0


@dataclass(frozen=True, slots=True)
class RunningEffect:
    """An effect under way."""

    record: EffectRecord
    call: StoredCall

    @property
    def target(self) -> EntityId:
        """The entity it belongs to."""
        return self.record.target

    def ids(self) -> dict[str, str]:
        """What log lines of it say."""
        return {"entity": str(self.target), "trace_id": self.call.trace_id.hex()}


def to_record(
    started: StartedEffect,
    target: EntityId,
    shard: int,
    call: StoredCall,
) -> EffectRecord:
    """The row of an effect that a turn starts."""
    return EffectRecord(
        started.effect_id, target, shard, started.call.name, 1, msgspec.msgpack.encode(call)
    )


def from_record(record: EffectRecord) -> RunningEffect:
    """The effect of a stored row."""
    return RunningEffect(record, msgspec.msgpack.decode(record.call, type=StoredCall))


def arguments_of(handler: EffectHandler, call: StoredCall) -> tuple[Any, ...]:
    """The arguments, as the types the method declares."""
    if not handler.arguments:
        return ()
    wanted: Any = tuple[handler.arguments]  # type: ignore[name-defined]
    return tuple(msgspec.msgpack.decode(call.arguments, type=wanted))
