"""The handling of a reminder's tick; what it leaves is committed with its next due time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vareon_runtime import codec
from vareon_runtime.clock import utc
from vareon_runtime.entity.context import Changes, Context
from vareon_runtime.entity.effect import RetryPolicy
from vareon_runtime.entity.reminder import Tick
from vareon_runtime.errors import (
    ConfigurationError,
    InternalError,
    Poisoned,
    Unavailable,
    VareonError,
)
from vareon_runtime.hosting import sends, turn
from vareon_runtime.hosting.dead_letters import DeadLetter
from vareon_runtime.hosting.delivery import Ticked
from vareon_runtime.hosting.reminder_plan import Armed, Plan, armed_for, row_of
from vareon_runtime.hosting.spans import note
from vareon_runtime.storage.changes import RowChange
from vareon_runtime.storage.ports import Unit
from vareon_runtime.telemetry import event, failure

if TYPE_CHECKING:
    from vareon_runtime.hosting.activation import Activation

RETRY = RetryPolicy(attempts=5, first_s=1.0, longest_s=60.0)
"""After so many failures the tick becomes a dead letter, and the schedule goes on."""


async def ticked(activation: Activation, ticked: Ticked) -> None:
    """A reminder of the entity is due."""
    armed = ticked.armed
    if not armed.live:
        return
    try:
        await _ticked(activation, ticked)
    except BaseException:
        # Nobody asks again for a tick, so one whose turn breaks off must be told of.
        activation.host.reminders.spoilt(armed, Unavailable("Its turn was stopped."))
        raise


async def _ticked(activation: Activation, ticked: Ticked) -> None:
    armed = ticked.armed
    unit = Unit(activation.target)
    if activation.entity.exists:
        context, error = await _handle(activation, ticked)
        noted = unit.noted = note(activation, ticked, error, context.remark)
        turn.fill(activation, unit, context, noted, ticked.message_id, existed=True)
    else:
        context = _context(activation, ticked)
        context.changes.armed[armed.name] = None
        unit.rows.append(row_of(activation.target, armed.name, None))
    context.changes.tick = armed
    turn.submit(activation, unit, context.changes, None, [])


async def _handle(activation: Activation, ticked: Ticked) -> tuple[Context, VareonError | None]:
    """The context with everything the turn leaves, the reminder's next due time included."""
    now_ms = int(activation.host.clock.time() * 1000)
    armed = ticked.armed
    plan, context = armed.plan, _context(activation, ticked)
    try:
        settled = plan.schedule.settle(plan.due_ms, now_ms)
        if settled.fires or plan.attempts:
            await _call(activation, armed, settled.missed, context)
        await sends.number(activation, context, ticked.message_id, ticked.message_id)
    except Exception as error:  # noqa: BLE001 - whatever a handler raises, the schedule goes on
        activation.roll_back(existed=True)
        context = _context(activation, ticked)
        known = _known(activation, armed, error)
        give_up_or_postpone(context.changes, armed, known, now_ms)
        return context, known
    activation.host.turns += 1
    changes = context.changes
    # Nobody waits for an answer that an effect may give later.
    changes.effects = [replace(started, answers=False) for started in changes.effects]
    # A handler that set or ended its own reminder has the last word.
    if armed.name not in changes.reminders:
        following = plan.following(settled.following_ms)
        changes.armed[armed.name] = armed_for(armed.target, armed.name, following)
    return context, None


def _context(activation: Activation, ticked: Ticked) -> Context:
    return turn.context_for(activation, ticked.message_id, ticked.armed.plan.principal)


def give_up_or_postpone(changes: Changes, armed: Armed, error: VareonError, now_ms: int) -> None:
    """What a failed tick leaves: the same tick later or, after the last attempt, a dead letter."""
    failed = armed.plan.failed_once_more()
    if failed.attempts >= RETRY.attempts or isinstance(error, Poisoned):
        event(
            "message_set_aside",
            entity=str(armed.target),
            reminder=armed.name,
            code=error.code,
            attempts=failed.attempts,
        )
        changes.rows.append(_dead_letter(armed, failed, error, now_ms))
        following = _following(armed.plan, now_ms)
        changes.armed[armed.name] = armed_for(armed.target, armed.name, following)
    else:
        wake_ms = now_ms + int(RETRY.wait_s(failed.attempts) * 1000)
        changes.armed[armed.name] = Armed(armed.target, armed.name, wake_ms, failed)


def _following(plan: Plan, now_ms: int) -> Plan | None:
    try:
        return plan.following(plan.schedule.settle(plan.due_ms, now_ms).following_ms)
    except ConfigurationError:
        return None  # a schedule that cannot be read any more has no next tick


async def _call(activation: Activation, armed: Armed, missed: int, context: Context) -> None:
    plan, handlers = armed.plan, activation.klass.handlers
    activation.host.quarantine.tried = True
    if plan.body:
        handler = handlers.messages.get(plan.handler)
        if handler is None:
            raise InternalError(f"This program has no command for {plan.handler} any more.")
        message = codec.decode(handler.message, plan.body)
        await handler.method(activation.entity, message, context)
        return
    method = handlers.reminders.get(plan.handler)
    if method is None:
        raise InternalError(f"This program has no reminder '{plan.handler}' any more.")
    # it goes by its method's name, also when it is brought once more beside its reminder
    tick = Tick(plan.handler, utc(plan.due_ms / 1000), missed)
    await method(activation.entity, tick, context)


def _known(activation: Activation, armed: Armed, error: Exception) -> VareonError:
    """The error as it may be told, and a line in the log."""
    failure(
        "tick_failed",
        error,
        entity=str(activation.target),
        reminder=armed.name,
        attempt=armed.plan.attempts + 1,
    )
    if isinstance(error, VareonError):
        return error
    return InternalError("The reminder could not be handled; the log says why.")


def _dead_letter(armed: Armed, failed: Plan, error: VareonError, now_ms: int) -> RowChange:
    letter = DeadLetter(
        armed.target,
        armed.tick_id(),
        "reminder",
        failed.handler,
        failed.body,
        failed.principal,
        str(armed.target),
        armed.tick_id(),
        error,
        failed.attempts,
    )
    return letter.change(now_ms / 1000)
