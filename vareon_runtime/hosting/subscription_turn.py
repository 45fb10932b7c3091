"""The turn of a reader that wants to be shown what an entity does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vareon_runtime.entity.context import Context
from vareon_runtime.errors import InternalError, VareonError
from vareon_runtime.hosting import turn
from vareon_runtime.hosting.delivery import Subscribed
from vareon_runtime.message import Delta, Event, Position, Reset

if TYPE_CHECKING:
    from vareon_runtime.hosting.activation import Activation


async def subscribed(activation: Activation, subscribed: Subscribed) -> None:
    """A reader that wants to be shown what happens."""
    context = turn.context_for(activation, subscribed.message_id, subscribed.principal)
    try:
        await activation.settle()
        activation.expect_existing(creates=False)
        activation.host.quarantine.tried = True
        activation.entity.permit(None, context)
        missed = await _missed(activation, subscribed.positions, context)
    except VareonError as error:
        activation.outcome = error.code
        activation.host.audience.refuse(subscribed.subscriber.caller, error)
        return
    except Exception as error:  # noqa: BLE001 - its author may raise anything; the reader must hear
        turn.log_failure(activation, "subscription", error)
        problem = InternalError("What was missed cannot be told; the log says why.")
        activation.outcome = problem.code
        activation.host.audience.refuse(subscribed.subscriber.caller, problem)
        return
    for frame in missed:
        subscribed.subscriber.show(frame)
    activation.host.audience.join(activation.target, subscribed.subscriber, subscribed.positions)


async def _missed(
    activation: Activation, positions: Sequence[Position], context: Context
) -> list[Event | Delta | Reset]:
    """What a reader missed, each stream told once: by its own position if it has one."""
    own = {position.stream for position in positions}
    told: set[str | None] = set()
    missed: list[Event | Delta | Reset] = []
    for position in positions:
        frames = await activation.entity.catch_up(position, context)
        fresh = [
            frame
            for frame in frames
            if (stream := _stream_of(frame)) == position.stream
            or (stream not in own and stream not in told)
        ]
        told.update(_stream_of(frame) for frame in fresh)
        missed.extend(fresh)
    return missed


def _stream_of(frame: Event | Delta | Reset) -> str | None:
    if not isinstance(frame, Event):
        return frame.stream
    reached = frame.reaches()
    return reached.stream if reached is not None else frame.opens() or frame.ends()
