"""The one live instance of an entity: its mailbox, its state, and what is not committed yet.

Turns run one after another and never wait for their commit, so a busy entity is limited by its
handlers, not by the disk. The price is that memory may be ahead of the database. Therefore
nothing a turn did is visible outside before its unit is durable, and if a unit fails the whole
activation is dropped: the next message loads what the database holds.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from enum import Enum
from typing import TYPE_CHECKING, Any

from vareon_runtime import codec
from vareon_runtime.entity.base import Entity
from vareon_runtime.entity.context import Context
from vareon_runtime.errors import (
    InternalError,
    NotFound,
    PreconditionFailed,
    Unavailable,
    VareonError,
)
from vareon_runtime.hosting.delivery import Arrived, Asked, Caller, Delivery, Resulted, Ticked
from vareon_runtime.hosting.spans import trace_of
from vareon_runtime.identity import EntityId, MessageId
from vareon_runtime.storage.ports import Channel, InboxRecord, StateRecord, Wanted
from vareon_runtime.telemetry import failure, log_about
from vareon_runtime.trail import Trail

if TYPE_CHECKING:
    from vareon_runtime.hosting.host import Host

RECENT_LIMIT = 128


class Life(Enum):
    """Where an activation stands."""

    NEW = "new"
    ACTIVE = "active"
    GONE = "gone"


_ALLOWED = {
    (Life.NEW, Life.ACTIVE),
    (Life.NEW, Life.GONE),
    (Life.ACTIVE, Life.GONE),
}


class Activation:
    """See the module."""

    __slots__ = (
        "channels",
        "effects",
        "entity",
        "failures",
        "floor_s",
        "fresh_id",
        "host",
        "keyed",
        "klass",
        "last_used",
        "life",
        "mailbox",
        "now",
        "outcome",
        "recent",
        "running",
        "settled",
        "snapshot",
        "stopped",
        "target",
        "tombstone",
        "trail",
        "turn_began",
        "uncommitted",
        "version",
        "waiting",
    )

    def __init__(self, host: Host, klass: type[Entity[Any]], target: EntityId) -> None:
        self.host = host
        self.klass = klass
        self.target = target
        self.life = Life.NEW
        self.entity: Entity[Any] = klass(target.key, klass.handlers.state())
        self.version = 0
        self.snapshot = b""
        self.tombstone = False
        self.mailbox: deque[Delivery] | None = None
        self.running: asyncio.Task[None] | None = None
        self.turn_began = 0.0
        self.now: Delivery | None = None
        """What the running turn handles."""
        self.outcome = ""
        """Why the running turn has failed, if it has."""
        self.trail: Trail | None = None
        """What the running turn leaves of its way, once it has been written down."""
        self.stopped = False
        """Whether the running turn was told to end because it takes too long."""
        self.recent: dict[MessageId, InboxRecord] | None = None
        self.waiting: dict[MessageId, list[tuple[Caller, bool]]] | None = None
        """Callers owed a reply by a later turn, and whether they speak JSON."""
        self.channels: dict[EntityId, Channel] | None = None
        """How far this entity has got with its peers, with what is not committed yet."""
        self.failures: dict[MessageId, int] | None = None
        """How often messages of peers have failed here."""
        self.keyed: set[MessageId] | None = None
        """Keyed requests in the mailbox or in the running turn."""
        self.floor_s = host.clock.time()
        """Ids older than this may have been handled by an earlier activation."""
        self.fresh_id = b""
        """Looked up when this was loaded, and not found: handled by nobody before."""
        self.uncommitted = 0
        self.settled: asyncio.Future[None] | None = None
        self.effects = 0
        self.last_used = host.clock.monotonic()

    def _move_to(self, life: Life) -> None:
        if (self.life, life) not in _ALLOWED:
            raise InternalError(f"An activation cannot go from {self.life} to {life}.")
        self.life = life

    def in_hand(self) -> Iterator[Delivery]:
        """The delivery whose turn runs, then those that wait."""
        if self.now is not None:
            yield self.now
        yield from self.mailbox or ()

    def ids(self) -> dict[str, str]:
        """What log lines of the running turn say of it."""
        told = {"entity": str(self.target)}
        if self.now is not None:
            told["trace_id"] = trace_of(self.now).hex()
        return told

    @property
    def idle(self) -> bool:
        """Whether nothing keeps it in memory."""
        return not (
            self.mailbox or self.running or self.uncommitted or self.effects or self.waiting
        )

    def stop_turn(self) -> None:
        """End the running turn, which has taken longer than a turn may."""
        if self.running is not None:
            self.stopped = True
            self.running.cancel()

    def deliver(self, delivery: Delivery, *, bounded: bool = True) -> bool:
        """Queue; False if the mailbox is full. Results of effects are bounded by the effects."""
        mailbox = self.mailbox
        if mailbox is None:
            mailbox = self.mailbox = deque()
        if bounded and len(mailbox) >= self.klass.handlers.mailbox_limit:
            return False
        mailbox.append(delivery)
        if self.running is None:
            self.running = self.host.loop.create_task(self._run())
        return True

    async def ready(self) -> None:
        """Wait until it is loaded.

        Raises:
            Unavailable: If it cannot be.
        """
        if self.life is Life.NEW:
            if self.running is None:
                self.running = self.host.loop.create_task(self._run())
            await asyncio.shield(self.running)
        if self.life is Life.GONE:
            raise Unavailable("This entity is being loaded again.", 0.05)

    async def _run(self) -> None:
        delivery: Delivery | None = None
        log_about(self)
        try:
            if self.life is Life.NEW:
                await self._load()
            while self.mailbox and self.life is Life.ACTIVE:
                delivery = self.now = self.mailbox.popleft()
                self.turn_began = self.host.clock.monotonic()
                self.outcome, self.trail = "", None
                await self.host.quarantine.run(self, delivery)
                self.host.spans.ran(self, delivery)
                if self.keyed is not None and isinstance(delivery, Asked):
                    self.keyed.discard(delivery.request.message_id)
                delivery = None
            self.turn_began = 0.0
        except asyncio.CancelledError:
            self._break_off(delivery, Unavailable("The turn took too long and was stopped.", 1.0))
            raise
        except VareonError as error:
            self._break_off(delivery, error)
        except Exception as error:  # noqa: BLE001 - the callers must hear of it
            failure("activation_failed", error, entity=str(self.target))
            told = InternalError("This entity could not work; the server's log says why.")
            self._break_off(delivery, told)
        finally:
            self.running = self.now = None
            self.last_used = self.host.clock.monotonic()
            if not self.mailbox:
                self.mailbox = None

    async def _load(self) -> None:
        first = self.mailbox[0] if self.mailbox else None
        ids = (first.request.message_id,) if isinstance(first, Asked) else ()
        peers = (first.sent.sender,) if isinstance(first, Arrived) else ()
        loaded = await self.host.loader.load(Wanted(self.target, ids, peers))
        if peers:
            self.channels = {peer: loaded.channels.get(peer, Channel()) for peer in peers}
        if loaded.inbox:
            self.recent = dict(loaded.inbox)
        if loaded.state is not None:
            async with self.host.quarantine.loading(self.target):
                self._adopt(loaded.state)
                if self.entity.exists:
                    await self.entity.activated(Context(self.target, b"", None, self.host.services))
        if ids and not loaded.inbox:
            self.fresh_id = ids[0]
        self._move_to(Life.ACTIVE)

    def _adopt(self, record: StateRecord) -> None:
        self.version = record.version
        self.tombstone = record.deleted
        if record.deleted:
            return
        self.entity.state = codec.decode_state(
            self.klass.handlers.state, record.schema_version, record.state
        )
        self.entity.exists = True
        self.snapshot = record.state
        if record.schema_version != self.klass.handlers.state.schema_version:
            self.snapshot = codec.encode_plain(self.entity.state)

    async def recall(self, message_id: MessageId, id_time_s: float) -> InboxRecord | None:
        """The inbox row of a message, from memory or, for an id that may be old, the store."""
        known = self.recent.get(message_id) if self.recent else None
        if known is not None or id_time_s >= self.floor_s:
            return known
        if message_id == self.fresh_id:
            self.fresh_id = b""
            return None
        loaded = await self.host.loader.load(Wanted(self.target, (message_id,)))
        return loaded.inbox.get(message_id)

    def remember(self, record: InboxRecord) -> None:
        """Keep an inbox row at hand for repeats."""
        recent = self.recent
        if recent is None:
            recent = self.recent = {}
        recent[record.message_id] = record
        if len(recent) > RECENT_LIMIT:
            self.forget()

    def forget(self) -> None:
        """Drop the remembered inbox rows; ids older than now are looked up again."""
        self.recent = None
        if not self.uncommitted:
            self.channels = None
        self.floor_s = self.host.clock.time()

    def changed_state(self, *, created: bool, deleted: bool) -> StateRecord | None:
        """The state row this turn leaves, or None if it changed nothing."""
        schema = self.klass.handlers.state.schema_version
        encoded = codec.encode_plain(self.entity.state)
        if not created and not deleted and encoded == self.snapshot:
            return None
        self.version += 1
        self.snapshot = b"" if deleted else encoded
        return StateRecord(self.target, self.version, schema, self.snapshot, deleted)

    def roll_back(self, *, existed: bool) -> None:
        """The state as the last finished turn left it."""
        state = self.klass.handlers.state
        self.entity.exists = existed
        self.entity.state = (
            codec.decode(state, bytes((state.schema_version,)) + self.snapshot)
            if self.snapshot
            else state()
        )

    def begin_commit(self) -> None:
        """A unit of this activation is on its way to the disk."""
        self.uncommitted += 1

    def end_commit(self) -> None:
        """One of them is durable."""
        self.uncommitted -= 1
        if not self.uncommitted and self.settled is not None:
            self.settled.set_result(None)
            self.settled = None

    async def settle(self) -> None:
        """Wait until everything this activation did is durable.

        Raises:
            Unavailable: If it failed instead.
        """
        if self.uncommitted:
            if self.settled is None:
                self.settled = asyncio.get_running_loop().create_future()
            await asyncio.shield(self.settled)
        if self.life is Life.GONE:
            raise Unavailable("This entity is being loaded again.", 0.02)

    def drop(self, error: VareonError) -> None:
        """Leave memory at once; whoever waits hears why, and may ask again."""
        if self.life is Life.GONE:
            return
        self._move_to(Life.GONE)
        self.host.catalog.remove(self)
        if self.settled is not None:
            self.settled.set_result(None)
            self.settled = None
        waiting, self.waiting = self.waiting or {}, None
        again = Unavailable("This entity is being loaded again.", 0.02)
        for callers in waiting.values():
            for caller, _ in callers:
                caller.refuse(again)
        mailbox, self.mailbox = self.mailbox or deque(), None
        for delivery in mailbox:
            self.turn_away(delivery, error)

    def _break_off(self, delivery: Delivery | None, error: VareonError) -> None:
        """Leave memory in the middle of a turn, whose sender hears why as well."""
        self.drop(error)
        if delivery is not None and not self.host.stopping:
            self.host.spans.ran(self, delivery, error.code)
            self.turn_away(delivery, error)

    def turn_away(self, delivery: Delivery, error: VareonError) -> None:
        """Tell whoever waits for it that it was not handled."""
        if isinstance(delivery, Resulted):
            self.host.redeliver(delivery)
        elif isinstance(delivery, Ticked):
            self.host.reminders.turned_away(delivery.armed)
        elif isinstance(delivery, Asked | Arrived):
            delivery.caller.refuse(error)
        else:
            self.host.audience.refuse(delivery.subscriber.caller, error)

    def expect_existing(self, *, creates: bool) -> None:
        """Refuse what needs an entity that is not there.

        Raises:
            NotFound: If it does not exist and the message does not create, or it was deleted.
        """
        if self.tombstone or not (self.entity.exists or creates):
            raise NotFound(f"{self.target.kind.replace('_', ' ').capitalize()} not found.")

    def expect_version(self, version: int | None) -> None:
        """Refuse what is meant for another state than the last turn left.

        Raises:
            PreconditionFailed: If it is.
        """
        if version is not None and version != self.version:
            raise PreconditionFailed("It has changed meanwhile; look again.")
