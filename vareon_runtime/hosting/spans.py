"""What a host has handled of late: queries and failures are remembered nowhere else.

A ring in memory, so that it costs each turn next to nothing and never grows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from vareon_runtime.clock import Clock
from vareon_runtime.envelope import NO_SPAN, RESENT
from vareon_runtime.errors import VareonError
from vareon_runtime.hosting.delivery import Arrived, Asked, Delivery, Resulted, Ticked
from vareon_runtime.hosting.outcome import stored_error
from vareon_runtime.hosting.turn_meter import TurnMeter
from vareon_runtime.identity import EntityId, MessageId, Principal, id_time_s
from vareon_runtime.storage.ports import InboxRecord
from vareon_runtime.trail import Source, Trail, pack_trail, span_of

if TYPE_CHECKING:
    from vareon_runtime.hosting.activation import Activation

REMEMBERED = 4_096
"""Messages whose way a host remembers, of whatever kind; the newest ones."""
SUBSCRIBE = "Subscribe"
NOTHING = b""
"""In place of a reply: it was handled, and nobody waited for an answer."""


class Span(NamedTuple):
    """A message that was handled, or refused by its entity.

    Attributes:
        code: Why it failed; empty if it did not.
    """

    message_id: MessageId
    trace_id: bytes
    target: EntityId
    trail: Trail
    code: str


class _Asked(NamedTuple):
    """An ask that left no row, as it is remembered: what its span takes is worked out when read.

    Most messages are of this kind, and hardly any is ever looked at.
    """

    message_id: MessageId
    trace_id: bytes
    target: EntityId
    parent: bytes
    name: str
    user: str
    flags: int
    arrived_s: float
    began_s: float
    ended_s: float
    epoch: int
    code: str


class Spans:
    """The ring.

    Attributes:
        added: How many there have been; whoever exports them knows by it what is new.
    """

    def __init__(self, clock: Clock, limit: int = REMEMBERED) -> None:
        self._clock = clock
        self._ring: deque[Span | _Asked] = deque(maxlen=limit)
        self.added = 0
        self.meter = TurnMeter()

    def ran(self, activation: Activation, delivery: Delivery, code: str = "") -> None:
        """A turn is over."""
        self.added += 1
        code, kind, trail = code or activation.outcome, activation.target.kind, activation.trail
        if isinstance(delivery, Asked):
            if trail is None:
                one = _asked(activation, delivery, code)
                self._ring.append(one)
                self.meter.asked(kind, one.began_s - one.arrived_s, one.ended_s - one.began_s, code)
                return
            self.meter.asked(kind, trail.waited_s, trail.ran_s, code)
        else:
            trail = trail or trail_of(activation, delivery)
            self.meter.ran(kind, trail, code)
        self._ring.append(
            Span(
                delivery.message_id,
                trace_of(delivery),
                activation.target,
                trail,
                code,
            )
        )

    def since(self, number: int) -> tuple[int, list[Span]]:
        """Those added after so many, as far as they are here, and how many there are now."""
        missing = min(self.added - number, len(self._ring))
        newest = islice(self._ring, len(self._ring) - max(0, missing), None)
        return self.added, self._read(newest)

    def of_message(self, message_id: MessageId) -> list[Span]:
        """The tries of one message."""
        return self._read(one for one in self._ring if one.message_id == message_id)

    def of_trace(self, trace_id: bytes) -> list[Span]:
        """The messages of one trace."""
        return self._read(one for one in self._ring if one.trace_id == trace_id)

    def of_entity(self, target: EntityId) -> list[Span]:
        """The messages of one entity."""
        return self._read(one for one in self._ring if one.target == target)

    def _read(self, found: Iterable[Span | _Asked]) -> list[Span]:
        since_s = self._clock.time() - self._clock.monotonic()
        return [one if isinstance(one, Span) else _span(one, since_s) for one in found]


def _asked(activation: Activation, delivery: Asked, code: str) -> _Asked:
    request, host = delivery.request, activation.host
    principal = request.principal
    # As `_Asked(...)`, without the call of a function in Python: each ask passes here.
    return tuple.__new__(
        _Asked,
        (
            request.message_id,
            request.trace_id,
            activation.target,
            request.span_id,
            request.name,
            principal.user_id if principal else "",
            delivery.flags,
            delivery.until_s - request.within_s,
            activation.turn_began,
            host.clock.monotonic(),
            host.ownership.epoch,
            code,
        ),
    )


def _span(one: _Asked, since_s: float) -> Span:
    """The span, on a wall clock that is so many seconds ahead of the monotonic one."""
    ran_s = max(0.0, one.ended_s - one.began_s) if one.began_s else 0.0
    trail = Trail(
        one.parent,
        Source.ASK,
        2 if one.flags & RESENT else 1,
        one.ended_s + since_s - ran_s,
        max(0.0, one.began_s - one.arrived_s),
        ran_s,
        one.epoch,
        one.name,
        one.user,
    )
    return Span(one.message_id, one.trace_id, one.target, trail, one.code)


def shown(span: Span) -> dict[str, Any]:
    """A span as plain values, for another process."""
    return {
        "message_id": span.message_id,
        "trace_id": span.trace_id,
        "kind": span.target.kind,
        "key": span.target.key,
        "trail": pack_trail(span.trail),
        "code": span.code,
    }


def trace_of(delivery: Delivery) -> bytes:
    """The trace that a delivery belongs to; a reminder's tick begins one."""
    if isinstance(delivery, Asked | Arrived):
        return delivery.request.trace_id
    if isinstance(delivery, Resulted):
        return delivery.effect.call.trace_id
    return delivery.message_id if isinstance(delivery, Ticked) else delivery.trace_id


def trail_of(activation: Activation, delivery: Delivery, remark: str = "") -> Trail:
    """The trail of a turn that ends now."""
    trail = _trail_of(activation, delivery)
    return trail._replace(remark=remark) if remark else trail


def _trail_of(activation: Activation, delivery: Delivery) -> Trail:
    host = activation.host
    began = activation.turn_began
    now_s = host.clock.time()
    ran_s = max(0.0, host.clock.monotonic() - began) if began else 0.0
    began_s = now_s - ran_s
    epoch = host.ownership.epoch
    if isinstance(delivery, Asked):
        request = delivery.request
        waited_s = max(0.0, began - (delivery.until_s - request.within_s))
        attempts = 2 if delivery.flags & RESENT else 1
        user = request.principal.user_id if request.principal else ""
        return Trail(
            request.span_id,
            Source.ASK,
            attempts,
            began_s,
            waited_s,
            ran_s,
            epoch,
            request.name,
            user,
        )
    if isinstance(delivery, Arrived):
        return Trail(
            delivery.request.span_id,
            Source.SEND,
            1 + (activation.failures or {}).get(delivery.message_id, 0),
            began_s,
            max(0.0, began - delivery.arrived_s),
            ran_s,
            epoch,
            delivery.request.name,
            _user(delivery.principal),
            str(delivery.sent.sender),
        )
    if isinstance(delivery, Resulted):
        record, call = delivery.effect.record, delivery.effect.call
        started_s = id_time_s(record.effect_id) or began_s
        return Trail(
            span_of(call.message_id),
            Source.EFFECT,
            record.attempts,
            started_s,
            0.0,
            max(0.0, now_s - started_s),
            epoch,
            record.name,
            _user(call.principal),
            str(record.target),
        )
    if isinstance(delivery, Ticked):
        armed, plan = delivery.armed, delivery.armed.plan
        return Trail(
            NO_SPAN,
            Source.REMINDER,
            plan.attempts + 1,
            began_s,
            max(0.0, began_s - armed.wake_ms / 1000),
            ran_s,
            epoch,
            plan.handler,
            _user(plan.principal),
            str(armed.target),
            plan.trace_id,
        )
    user = _user(delivery.principal)
    return Trail(delivery.span_id, Source.STREAM, 1, began_s, 0.0, ran_s, epoch, SUBSCRIBE, user)


def record_of(
    target: EntityId, delivery: Delivery, digest: bytes, reply: bytes | None, trail: Trail
) -> InboxRecord:
    """The row of a message that was handled."""
    message_id, trace_id = delivery.message_id, trace_of(delivery)
    other = None if trace_id == message_id else trace_id
    return InboxRecord(target, message_id, digest, reply, other, pack_trail(trail))


def note(
    activation: Activation, delivery: Delivery, error: VareonError | None, remark: str = ""
) -> InboxRecord:
    """The row that tells what became of a message which nobody repeats by its id."""
    trail = activation.trail = trail_of(activation, delivery, remark)
    if error is not None:
        activation.outcome = error.code
    reply = NOTHING if error is None else stored_error(error)
    return record_of(activation.target, delivery, b"", reply, trail)


def _user(principal: Principal | None) -> str:
    return principal.user_id if principal else ""
