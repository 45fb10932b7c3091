"""What a handler sees of the world during one turn, and what its turn will commit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from sqlalchemy import Executable

from vareon_runtime.clock import Clock, utc
from vareon_runtime.entity.effect import EffectCall
from vareon_runtime.entity.publication import (
    Encoded,
    SubscribeTo,
    UnsubscribeFrom,
    publication,
    topic_id,
)
from vareon_runtime.entity.reminder import NOTED, AskedReminder, Noted, When, handler_of
from vareon_runtime.entity.row_tables import demand_columns, table_of
from vareon_runtime.entity.schedule import Misfire
from vareon_runtime.errors import InternalError
from vareon_runtime.identity import EntityId, IdSource, MessageId, Principal
from vareon_runtime.message import Event, Message
from vareon_runtime.storage.base import Base
from vareon_runtime.storage.changes import RowChange

if TYPE_CHECKING:
    from vareon_runtime.entity.handlers import HandlerTable

T = TypeVar("T")
R = TypeVar("R")
Reader = Callable[..., Awaitable[list[Any]]]


@dataclass(frozen=True, slots=True)
class StartedEffect:
    """An effect that begins when the turn has committed."""

    effect_id: bytes
    call: EffectCall[Any]
    then: str
    failed: str | None
    answers: bool
    """Whether the turn that takes the result answers this turn's caller."""


@dataclass(frozen=True, slots=True)
class Later(Generic[T]):
    """A reply that a later turn will give."""

    effect_id: bytes


@dataclass(frozen=True, slots=True)
class SentSignal:
    """Something a flow is told once the turn has committed."""

    flow_id: bytes
    number: int
    name: str
    body: bytes


class Undertakings(Protocol):
    """The effects and flows under way, as a turn of their entity sees them."""

    def cancelling(self, entity_id: EntityId, effect_id: bytes, *, new: bool) -> RowChange | None:
        """The row that makes a cancellation durable; None if the effect is over.

        Raises:
            Unavailable: If it is not known yet what this entity has under way.
        """
        ...

    def signalling(
        self, entity_id: EntityId, flow_id: bytes, name: str, body: Any, earlier: int, *, new: bool
    ) -> tuple[SentSignal, RowChange]:
        """A signal, and the row that makes it durable.

        Raises:
            NotFound: If the flow is over, or is none of this entity's.
            QuotaExceeded: If too many signals wait for it already.
            Unavailable: If it is not known yet what this entity has under way.
        """
        ...


@dataclass(slots=True)
class Changes:
    """Everything a turn leaves behind if it commits."""

    rows: list[RowChange] = field(default_factory=list)
    effects: list[StartedEffect] = field(default_factory=list)
    cancelled: list[bytes] = field(default_factory=list)
    signals: list[SentSignal] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    sends: list[tuple[EntityId, Message | Encoded]] = field(default_factory=list)
    outgoing: list[Any] = field(default_factory=list)
    """The same once they are numbered, for whoever delivers them after the commit."""
    reminders: dict[str, AskedReminder | None] = field(default_factory=dict)
    """Reminders by name: set anew, or ended."""
    armed: dict[str, Any] = field(default_factory=dict)
    """The same once they are planned, for whoever brings their ticks."""
    tick: Any = None
    """The reminder whose tick this turn handles, if it does."""
    deleted: bool = False


class Context:
    """One turn's view: who asks, what time it is, and how to change things."""

    __slots__ = (
        "_changes",
        "_clock",
        "_handlers",
        "_ids",
        "_reader",
        "_resources",
        "_undertakings",
        "deadline_s",
        "entity_id",
        "message_id",
        "principal",
        "remark",
        "sender",
        "watched",
    )

    def __init__(
        self,
        entity_id: EntityId,
        message_id: MessageId,
        principal: Principal | None,
        host: HostServices,
        sender: EntityId | None = None,
        handlers: HandlerTable | None = None,
        *,
        undertakings: Undertakings | None = None,
        deadline_s: float | None = None,
        watched: bool = False,
    ) -> None:
        self.entity_id = entity_id
        self.message_id = message_id
        self.principal = principal
        self.sender = sender
        """The entity that sent the message; None for asks, results and subscriptions."""
        self.deadline_s = deadline_s
        """When the sender gives up, in epoch seconds; None if it does not wait."""
        self.remark = ""
        self.watched = watched
        """Whether anybody is subscribed to this entity as the turn begins."""
        self._changes: Changes | None = None
        self._undertakings = undertakings
        self._clock = host.clock
        self._handlers = handlers
        self._ids = host.ids
        self._reader = host.reader
        self._resources = host.resources

    @property
    def changes(self) -> Changes:
        """What this turn will commit besides the state; made when first needed."""
        if self._changes is None:
            self._changes = Changes()
        return self._changes

    @property
    def changed(self) -> bool:
        """Whether this turn wants to commit anything besides the state."""
        return self._changes is not None and self._changes != Changes()

    def now(self) -> Any:
        """The time, timezone-aware UTC."""
        return utc(self._clock.time())

    def new_id(self) -> str:
        """A fresh UUIDv7 as text."""
        return self._ids.text_id()

    def explain(self, remark: str) -> None:
        """Say in a line why this turn does what it does, for ``vareon explain``: no secrets."""
        self.remark = remark

    def insert(self, row: type[Base], **values: Any) -> None:
        """Add a row; it is written in this turn's commit."""
        self.changes.rows.append(RowChange("insert", table_of(row), values, {}))

    def upsert(self, row: type[Base], **values: Any) -> None:
        """Add a row, or change the one with the same primary key."""
        self.changes.rows.append(RowChange("upsert", table_of(row), values, {}))

    def update(self, row: type[Base], where: Mapping[str, Any], **values: Any) -> None:
        """Change rows whose columns equal ``where``."""
        demand_columns("update", where)
        self.changes.rows.append(RowChange("update", table_of(row), values, where))

    def delete_rows(self, row: type[Base], **where: Any) -> None:
        """Delete rows whose columns equal ``where``."""
        demand_columns("delete_rows", where)
        self.changes.rows.append(RowChange("delete", table_of(row), {}, where))

    def delete(self) -> None:
        """End this entity when the turn commits: its row goes, a tombstone stays."""
        self.changes.deleted = True

    def emit(self, event: Event) -> None:
        """Show a fact to the entity's subscribers once the turn has committed."""
        self.changes.events.append(event)

    def send(self, target: EntityId, message: Message | Encoded) -> None:
        """Send a message one way once the turn has committed; it is then handled exactly once.

        Messages to one entity are handled in the order in which they were sent. One that its
        receiver refuses for good, or fails to handle five times, becomes a dead letter.
        """
        self.changes.sends.append((target.checked(), message))

    def publish(self, event: Event, topic: str | None = None) -> None:
        """Send a fact to every entity that subscribed to its topic.

        Args:
            event: The fact; subscribers handle it by a ``@command`` for its type.
            topic: What they subscribed to; by default the fact's own type.
        """
        self.send(topic_id(topic or type(event)), publication(event))

    def subscribe(self, topic: type[Event] | str) -> None:
        """Have facts of a topic sent to this entity, from the moment the topic learns of it."""
        self.send(topic_id(topic), SubscribeTo(str(self.entity_id)))

    def unsubscribe(self, topic: type[Event] | str) -> None:
        """Have them sent no more."""
        self.send(topic_id(topic), UnsubscribeFrom(str(self.entity_id)))

    def remind(
        self,
        name: str,
        *,
        after: float | None = None,
        at: datetime | None = None,
        every: float | None = None,
        cron: str | None = None,
        zone: str = "UTC",
        misfire: Misfire = Misfire.ONE,
        message: Message | None = None,
    ) -> Noted:
        """Wake this entity later, durably; may be awaited. A reminder of the same name is replaced.

        Args:
            name: Names it among this entity's reminders, and the ``@reminder`` method that
                handles it, unless it brings a message.
            after: Due once, so many seconds from now.
            at: Due once, at this moment.
            every: Due every so many seconds, the first time after that long.
            cron: Due whenever this line of five fields says.
            zone: The time zone the line is meant in, such as ``Europe/Berlin``.
            misfire: What becomes of ticks that came due while nobody could handle them.
            message: What it brings; handled by the ``@command`` for it.

        Raises:
            ConfigurationError: If nobody would handle it, or it makes no sense.
        """
        when = When(after, at, every, cron)
        handler = handler_of(name, message, self._handlers)
        schedule, due_ms = when.plan(self._clock.time(), zone, misfire)
        self.changes.reminders[name] = AskedReminder(
            schedule, due_ms, handler, message, self.principal
        )
        return NOTED

    def forget(self, name: str) -> Noted:
        """End a reminder of this entity, if there is one; may be awaited."""
        self.changes.reminders[name] = None
        return NOTED

    def start(
        self,
        call: EffectCall[T],
        *,
        then: Callable[..., Awaitable[Any]],
        failed: Callable[..., Awaitable[Any]] | None = None,
    ) -> bytes:
        """Begin an effect once the turn has committed.

        Args:
            call: What calling the ``@effect`` method returned.
            then: The method that takes the result, in a turn of its own.
            failed: The method that takes the error; without it the failure is only logged.

        Returns:
            The effect's id, for `cancel`.
        """
        return self._start(call, then, failed, answers=False)

    def after(
        self,
        call: EffectCall[T],
        *,
        then: Callable[..., Awaitable[R]],
        failed: Callable[..., Awaitable[R]] | None = None,
    ) -> Later[R]:
        """Like `start`, and the turn that takes the result answers this turn's caller."""
        return Later(self._start(call, then, failed, answers=True))

    def cancel(self, effect_id: bytes) -> None:
        """Stop a running effect once the turn has committed; its ``failed`` gets `Cancelled`.

        In a flow `Cancelled` is raised where it waits, so that it may undo what it did. One that
        is over already is left as it is.
        """
        if self._undertakings is not None:
            row = self._undertakings.cancelling(
                self.entity_id, effect_id, new=self._starts(effect_id)
            )
            if row is not None:
                self.changes.rows.append(row)
        self.changes.cancelled.append(effect_id)

    def signal(self, flow_id: bytes, name: str, body: Any) -> None:
        """Tell a flow of this entity something, once the turn has committed.

        It waits there, durably, until the flow takes it with ``flow.signal(name, ...)``.

        Raises:
            NotFound: If the flow is over, or is none of this entity's.
            QuotaExceeded: If 1,000 signals wait for it already.
        """
        if self._undertakings is None:
            raise InternalError("There are no flows here.")
        earlier = sum(1 for sent in self.changes.signals if sent.flow_id == flow_id)
        sent, row = self._undertakings.signalling(
            self.entity_id, flow_id, name, body, earlier, new=self._starts(flow_id)
        )
        self.changes.rows.append(row)
        self.changes.signals.append(sent)

    async def read(self, statement: Executable, **parameters: Any) -> list[Any]:
        """Committed rows. Keep it to one indexed look-up: the mailbox waits meanwhile.

        Args:
            statement: A select; built once with bind parameters it is not compiled again.
            parameters: Their values.
        """
        return await self._reader(statement, **parameters)

    def resource(self, kind: type[R]) -> R:
        """Something the host was given, such as a connection pool."""
        return find_resource(self._resources, kind)

    def _starts(self, effect_id: bytes) -> bool:
        return any(started.effect_id == effect_id for started in self.changes.effects)

    def _start(
        self,
        call: EffectCall[Any],
        then: Callable[..., Awaitable[Any]],
        failed: Callable[..., Awaitable[Any]] | None,
        *,
        answers: bool,
    ) -> bytes:
        effect_id = self._ids.message_id()
        self.changes.effects.append(
            StartedEffect(
                effect_id, call, then.__name__, failed.__name__ if failed else None, answers
            )
        )
        return effect_id


@dataclass(frozen=True, slots=True)
class HostServices:
    """What a host lends to the turns and effects it runs."""

    clock: Clock
    ids: IdSource
    reader: Reader
    resources: Mapping[type[Any], Any]


def find_resource(resources: Mapping[type[Any], Any], kind: type[R]) -> R:
    """The resource of a kind.

    Raises:
        InternalError: If the host was not given one.
    """
    found = resources.get(kind)
    if found is None:
        raise InternalError(f"This host was not given a {kind.__name__}.")
    return found  # type: ignore[no-any-return]
