"""What waits in a mailbox, and who waits for its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from vareon_runtime import envelope
from vareon_runtime.codec import encode_error
from vareon_runtime.envelope import Kind, Request, Sent
from vareon_runtime.errors import InternalError, VareonError
from vareon_runtime.identity import MessageId, Principal
from vareon_runtime.message import Position
from vareon_runtime.routing.link import BODY_LIMIT, Outlet

if TYPE_CHECKING:
    from vareon_runtime.hosting.effect_call import RunningEffect
    from vareon_runtime.hosting.feed import Subscriber
    from vareon_runtime.hosting.reminder_plan import Armed


class Caller(NamedTuple):
    """Where an answer goes: the link it was asked on, and the number it was asked under.

    The link itself, not its name: a number means nothing on the link that replaces it.
    """

    link: Outlet
    correlation: int

    def reply(self, payload: bytes) -> None:
        """Answer."""
        if len(payload) > BODY_LIMIT:
            self.refuse(InternalError(f"The reply has more than {BODY_LIMIT:,} bytes; page it."))
        else:
            self._send(Kind.REPLY, payload)

    def refuse(self, error: VareonError) -> None:
        """Answer with an error."""
        self._send(Kind.ERROR, encode_error(error))

    def frame(self, payload: bytes) -> None:
        """Send one frame of a stream."""
        self._send(Kind.FRAME, payload)

    def _send(self, kind: int, payload: bytes) -> None:
        self.link.send(envelope.item(kind, 0, 0, 0, self.correlation, payload), reserved=True)


class Asked(NamedTuple):
    """A message from outside the entity."""

    request: Request
    flags: int
    caller: Caller
    until_s: float
    """When its caller stops waiting, by this host's monotonic clock."""

    @property
    def message_id(self) -> MessageId:
        """What it is known by."""
        return self.request.message_id


@dataclass(frozen=True, slots=True)
class Resulted:
    """An effect has ended; exactly one of the two is meant."""

    effect: RunningEffect
    value: Any = None
    error: VareonError | None = None

    @property
    def message_id(self) -> MessageId:
        """What it is known by: the effect."""
        return self.effect.record.effect_id


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A reader wants the entity's stream."""

    subscriber: Subscriber
    positions: tuple[Position, ...]
    principal: Principal | None
    message_id: bytes
    trace_id: bytes
    span_id: bytes


class Arrived(NamedTuple):
    """A one-way message of another entity."""

    request: Request
    sent: Sent
    caller: Caller
    principal: Principal | None
    arrived_s: float
    """When it came, by this host's monotonic clock."""

    @property
    def message_id(self) -> MessageId:
        """What it is known by."""
        return self.request.message_id


class Ticked(NamedTuple):
    """A reminder of the entity is due."""

    armed: Armed
    message_id: MessageId


Delivery = Asked | Arrived | Resulted | Subscribed | Ticked
