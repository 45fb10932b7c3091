"""The turn of a one-way message: handled once, in its sender's order, or set aside."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vareon_runtime import codec
from vareon_runtime.entity.context import Changes, Context
from vareon_runtime.entity.redriven import REDRIVEN
from vareon_runtime.errors import Unavailable, VareonError
from vareon_runtime.hosting import redrive, sends, turn
from vareon_runtime.hosting.delivery import Arrived, Caller
from vareon_runtime.hosting.outcome import stored_reply
from vareon_runtime.hosting.spans import note
from vareon_runtime.storage.ports import Channel, Unit
from vareon_runtime.telemetry import event

if TYPE_CHECKING:
    from vareon_runtime.hosting.activation import Activation

_CONFIRMED = stored_reply(None)


async def arrived(activation: Activation, arrived: Arrived) -> None:
    """Handle a one-way message; its sender hears of it once that is committed."""
    try:
        known = await sends.channel(activation, arrived.sent.sender)
    except VareonError as error:
        turn.refuse(activation, arrived.caller, error)
        return
    if arrived.sent.number <= known.handled:
        turn.answer_when_settled(activation, arrived.caller, _CONFIRMED, as_json=False)
        return
    too_early = sends.out_of_order(known, arrived)
    if too_early is not None:
        turn.refuse(activation, arrived.caller, too_early)
        return
    await _handle(activation, arrived, known)


async def _handle(activation: Activation, arrived: Arrived, known: Channel) -> None:
    existed = activation.entity.exists
    if arrived.request.name == REDRIVEN and not existed:
        _in_vain(activation, arrived, known)
        return
    context = turn.context_for(
        activation, arrived.request.message_id, arrived.principal, arrived.sent.sender
    )
    unit = Unit(activation.target)
    try:
        await _run(activation, arrived, context, unit)
        changes = context.changes
        # Nobody waits for an answer that an effect may give later.
        changes.effects = [replace(started, answers=False) for started in changes.effects]
        noted = unit.noted = note(activation, arrived, None, context.remark)
        turn.fill(activation, unit, context, noted, arrived.request.trace_id, existed=existed)
    except VareonError as error:
        activation.roll_back(existed=existed)
        _fail(activation, arrived, known, error)
        return
    except Exception as error:  # noqa: BLE001 - a handler may raise anything; it is tried again
        turn.log_failure(activation, arrived.request.name, error)
        activation.roll_back(existed=existed)
        _fail(activation, arrived, known, sends.unforeseen())
        return
    activation.host.turns += 1
    if activation.failures is not None:
        activation.failures.pop(arrived.request.message_id, None)
    unit.rows.append(sends.handled(activation, arrived, known))
    turn.submit(activation, unit, changes, _CONFIRMED, [(arrived.caller, False)])


async def _run(activation: Activation, arrived: Arrived, context: Context, unit: Unit) -> None:
    request = arrived.request
    if request.name == REDRIVEN:
        await redrive.again(activation, arrived, context, unit)
        return
    handler = turn.handler_of(activation, request.name)
    activation.expect_existing(creates=handler.options.creates)
    message = codec.decode(handler.message, arrived.sent.body)
    activation.entity.permit(message, context)
    await turn.within_limit(activation, handler.method(activation.entity, message, context))
    await sends.number(activation, context, request.trace_id, request.message_id)


def _in_vain(activation: Activation, arrived: Arrived, known: Channel) -> None:
    """Nothing is tried again for an entity that is gone."""
    handled = sends.handled(activation, arrived, known)
    unit = Unit(activation.target, rows=[*redrive.leftovers(arrived), handled])
    turn.submit(activation, unit, Changes(), _CONFIRMED, [(arrived.caller, False)])


def _fail(activation: Activation, arrived: Arrived, known: Channel, error: VareonError) -> None:
    """Have it tried again, or set it aside so that those behind it go on."""
    attempts = sends.gives_up(activation, arrived, error)
    activation.outcome = error.code
    if attempts is None:
        arrived.caller.refuse(Unavailable(error.detail, sends.pause_s(activation, arrived)))
        return
    _set_aside(activation, arrived, known, error, attempts)


async def give_up(
    activation: Activation, arrived: Arrived, error: VareonError, attempts: int
) -> bool:
    """Set it aside without running it; False if it was handled, or it is not its turn."""
    known = await sends.channel(activation, arrived.sent.sender)
    if arrived.sent.number <= known.handled or sends.out_of_order(known, arrived) is not None:
        return False
    _set_aside(activation, arrived, known, error, attempts)
    return True


def _set_aside(
    activation: Activation, arrived: Arrived, known: Channel, error: VareonError, attempts: int
) -> None:
    event(
        "message_set_aside",
        entity=str(activation.target),
        sender=str(arrived.sent.sender),
        message=arrived.request.name,
        code=error.code,
        attempts=attempts,
    )
    letter = sends.dead_letter(activation, arrived, error, attempts)
    unit = Unit(activation.target, rows=[letter, sends.handled(activation, arrived, known)])
    callers: list[tuple[Caller, bool]] = [(arrived.caller, False)]
    turn.submit(activation, unit, Changes(), _CONFIRMED, callers)
