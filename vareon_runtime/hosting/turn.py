"""The turn of a message, from the mailbox to its unit, and what it shares with other turns.

If it fails, the activation's state is as before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, TypeVar

from vareon_runtime import codec, envelope
from vareon_runtime.age import in_time
from vareon_runtime.entity.context import Changes, Context, Later
from vareon_runtime.entity.handlers import Handler
from vareon_runtime.envelope import Wait
from vareon_runtime.errors import (
    Cancelled,
    DeadlineExceeded,
    IdReused,
    InternalError,
    InvalidMessage,
    NotFound,
    OutcomeUnknown,
    StillRunning,
    Unavailable,
    VareonError,
)
from vareon_runtime.hosting import circles, sends
from vareon_runtime.hosting.delivery import Asked, Caller
from vareon_runtime.hosting.effect_call import StoredCall, to_record
from vareon_runtime.hosting.keyed import under_key
from vareon_runtime.hosting.outcome import (
    PendingUnit,
    answer_if_owner,
    stored_reply,
)
from vareon_runtime.hosting.reminder_plan import rows_of
from vareon_runtime.hosting.spans import record_of, trail_of
from vareon_runtime.identity import EntityId, Principal
from vareon_runtime.placement import shard_of
from vareon_runtime.storage.changes import RowChange
from vareon_runtime.storage.ports import EffectRecord, InboxRecord, StateRecord, Unit
from vareon_runtime.telemetry import event, failure

if TYPE_CHECKING:
    from vareon_runtime.hosting.activation import Activation

T = TypeVar("T")


def context_for(
    activation: Activation,
    message_id: bytes,
    principal: Principal | None,
    sender: EntityId | None = None,
    deadline_s: float | None = None,
) -> Context:
    """What a handler of this activation sees."""
    host = activation.host
    return Context(
        activation.target,
        message_id,
        principal,
        host.services,
        sender,
        activation.klass.handlers,
        undertakings=host.effects,
        deadline_s=deadline_s,
        watched=host.audience.watches(activation.target),
    )


async def asked(activation: Activation, asked: Asked) -> None:
    """A message whose sender waits for the answer."""
    request, flags, caller, until_s = asked
    host = activation.host
    if until_s < host.clock.monotonic():
        refuse(activation, caller, DeadlineExceeded("It waited longer than the time allowed."))
        return
    principal = request.principal if flags & envelope.TRUSTED else None
    try:
        handler = handler_of(activation, request.name, flags)
        durable = handler.options.durable
        digest = b""
        if durable:
            digest = request.fingerprint or codec.digest(request.name, principal, request.body)
            made_s = in_time(request.message_id, host.clock.time())
            known = await activation.recall(request.message_id, made_s)
            if known is not None:
                _repeat(activation, asked, handler, known, digest)
                return
        elif host.hung_up.has(caller):
            raise Cancelled("Its caller waits no more.")
        elif flags & envelope.RESENT and handler.options.kind == "command":
            raise OutcomeUnknown("It was sent before and may have been done; it is not repeated.")
        circles.refuse_endless(activation.target, request)
        activation.expect_existing(creates=handler.options.creates)
        activation.expect_version(request.expected)
        message = _message(handler, request.body, flags)
    except VareonError as error:
        refuse(activation, caller, error)
        return
    await _handle(activation, asked, handler, message, principal, digest)


def refuse(activation: Activation, caller: Caller, error: VareonError) -> None:
    """Answer with an error, and remember that this is how the turn ended."""
    activation.outcome = error.code
    caller.refuse(error)


def handler_of(activation: Activation, name: str, flags: int = 0) -> Handler:
    """The handler of a message.

    Raises:
        InvalidMessage: If the kind takes no such message.
        NotFound: If it comes from outside and the kind is not exposed.
    """
    table = activation.klass.handlers
    if flags & envelope.JSON_BODY and not table.exposed:
        raise NotFound(f"There is no entity kind '{table.kind}' to reach from outside.")
    handler = table.messages.get(name)
    if handler is None:
        raise InvalidMessage(
            f"A {table.kind} takes {', '.join(sorted(table.messages))}, not '{name[:80]}'."
        )
    return handler


def _message(handler: Handler, body: bytes, flags: int) -> Any:
    if flags & envelope.JSON_BODY:
        return codec.decode_json(handler.message, body)
    return codec.decode(handler.message, body)


async def _handle(
    activation: Activation,
    asked: Asked,
    handler: Handler,
    message: Any,
    principal: Principal | None,
    digest: bytes,
) -> None:
    request, flags, caller, until_s = asked
    entity = activation.entity
    existed = entity.exists
    clock = activation.host.clock
    deadline_s = clock.time() + until_s - clock.monotonic()
    context = context_for(activation, request.message_id, principal, deadline_s=deadline_s)
    try:
        entity.permit(message, context)
        result = await within_limit(activation, handler.method(entity, message, context))
        payload = None if isinstance(result, Later) else stored_reply(result)
        if context.changed and not handler.options.durable:
            raise InternalError(
                f"{request.name} commits nothing, so its handler cannot send, remind, start, emit "
                "or change rows: make it a command, and not durable=False."
            )
        unit = None
        if handler.options.durable:
            await sends.number(activation, context, request.trace_id, request.message_id)
            unit = _unit_of(activation, asked, context, digest, payload, existed=existed)
        elif context.remark:
            activation.trail = trail_of(activation, asked, context.remark)
    except VareonError as error:
        activation.roll_back(existed=existed)
        refuse(activation, caller, error)
        return
    except Exception as error:  # noqa: BLE001 - a handler may raise anything; its caller must hear
        log_failure(activation, request.name, error)
        activation.roll_back(existed=existed)
        problem = InternalError("The message could not be handled; the log says why.")
        refuse(activation, caller, problem)
        return
    activation.host.turns += 1
    as_json = bool(flags & envelope.JSON_BODY)
    if unit is None or unit.inbox is None:
        answer_when_settled(activation, caller, payload or b"", as_json)
        return
    activation.remember(unit.inbox)
    if payload is None:
        _wait(activation, request.message_id, caller, as_json)
        callers: list[tuple[Caller, bool]] = []
    else:
        callers = [(caller, as_json)]
    submit(activation, unit, context.changes, payload, callers)


def _unit_of(
    activation: Activation,
    asked: Asked,
    context: Context,
    digest: bytes,
    payload: bytes | None,
    *,
    existed: bool,
) -> Unit:
    request = asked.request
    trail = activation.trail = trail_of(activation, asked, context.remark)
    inbox = record_of(activation.target, asked, digest, payload, trail)
    unit = Unit(activation.target, inbox=inbox)
    fill(
        activation,
        unit,
        context,
        inbox,
        request.trace_id,
        existed=existed,
        waits=request.waits,
    )
    return unit


async def within_limit(activation: Activation, handling: Awaitable[T]) -> T:
    """What a handler returns; one that was stopped because it took too long has failed.

    Raises:
        Unavailable: If it was stopped.
    """
    activation.host.quarantine.tried = True
    try:
        return await handling
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or not activation.stopped or activation.host.stopping:
            raise
        task.uncancel()
        activation.stopped = False
        event("turn_stopped", entity=str(activation.target))
        raise Unavailable("The turn took too long and was stopped.", 1.0) from None


def answer_when_settled(
    activation: Activation, caller: Caller, payload: bytes, as_json: bool
) -> None:
    """Answer once everything that this activation did is durable."""
    if activation.uncommitted:
        unit = activation.host.last_unit(activation)
        if unit is not None:
            unit.readers.append((caller, payload, as_json))
            return
    answer_if_owner(activation, caller, payload, as_json)


def _repeat(
    activation: Activation, asked: Asked, handler: Handler, known: InboxRecord, digest: bytes
) -> None:
    if known.digest != digest:
        raise IdReused("This id was used for another message; choose a new one.")
    as_json = bool(asked.flags & envelope.JSON_BODY)
    if known.reply is None:
        circles.refuse_own(activation.target, asked.request)
        if under_key(asked.flags):
            raise StillRunning("The first request with this key is still running; ask again.", 1.0)
        _wait(activation, asked.request.message_id, asked.caller, as_json)
        return
    answer_when_settled(activation, asked.caller, known.reply, as_json)


def _wait(activation: Activation, message_id: bytes, caller: Caller, as_json: bool) -> None:
    if activation.waiting is None:
        activation.waiting = {}
    activation.waiting.setdefault(message_id, []).append((caller, as_json))


def fill(
    activation: Activation,
    unit: Unit,
    context: Context,
    inbox: InboxRecord,
    trace_id: bytes,
    *,
    existed: bool,
    waits: tuple[Wait, ...] = (),
) -> None:
    """Put what the turn changed into its unit.

    What a handler has left may be something that cannot be encoded. So everything is encoded
    first: if that raises, the activation is as it was and the turn can still be undone.
    """
    changes = context.changes
    entity = activation.entity
    created = not existed and not changes.deleted
    effects = _started(activation, context, inbox, trace_id, waits)
    reminders: list[RowChange] = []
    if changes.reminders or changes.armed or changes.deleted:
        reminders = rows_of(activation.target, changes, trace_id)
    for fact in changes.events:
        codec.encode_frame(fact)
    unit.state = activation.changed_state(created=created, deleted=changes.deleted)
    entity.exists = not changes.deleted
    activation.tombstone = activation.tombstone or changes.deleted
    if unit.state is not None:
        unit.rows.extend(_projection(activation, unit.state))
    unit.rows.extend(changes.rows)
    unit.rows.extend(reminders)
    unit.effects.extend(effects)
    activation.host.effects.expect(unit.effects, changes)


def _started(
    activation: Activation,
    context: Context,
    inbox: InboxRecord,
    trace_id: bytes,
    waits: tuple[Wait, ...],
) -> list[EffectRecord]:
    """The rows of the effects that a turn starts."""
    changes, shard = context.changes, shard_of(activation.target)
    records = []
    for started in changes.effects:
        call = StoredCall(
            arguments=codec.encode_plain(started.call.arguments),
            then=started.then,
            failed=started.failed,
            message_id=inbox.message_id,
            digest=inbox.digest,
            answers=started.answers,
            principal=context.principal,
            trace_id=trace_id,
            waits=circles.extended(
                waits, activation.target, inbox.message_id, answers=started.answers
            ),
            deadline_s=(context.deadline_s or 0.0) if started.answers else 0.0,
        )
        records.append(to_record(started, activation.target, shard, call))
    return records


def _projection(activation: Activation, state: StateRecord) -> list[RowChange]:
    table = activation.klass.handlers.row
    if table is None:
        return []
    key = activation.target.key
    if state.deleted:
        return [RowChange("delete", table, {}, {"id": key})]
    entity_state = activation.entity.state
    values = {name: getattr(entity_state, name) for name in activation.klass.handlers.columns}
    return [RowChange("upsert", table, {"id": key, **values}, {})]


def submit(
    activation: Activation,
    unit: Unit,
    changes: Changes,
    payload: bytes | None,
    callers: list[tuple[Caller, bool]],
) -> None:
    """Send a turn's unit to the disk; its callers are answered once it is there."""
    pending = PendingUnit(activation, unit, changes, payload, callers)
    activation.begin_commit()
    activation.host.reminders.submitted(activation.target, changes)
    activation.host.submit(pending)


def log_failure(activation: Activation, name: str, error: Exception) -> None:
    """Note that a handler raised something unforeseen."""
    failure("handler_failed", error, entity=str(activation.target), message=name)
