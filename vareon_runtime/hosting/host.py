"""A process that runs activations: takes what its link brings, gives each to its entity."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection
from typing import Any

import msgspec

from vareon_runtime import envelope
from vareon_runtime.clock import Clock
from vareon_runtime.entity.base import Entity
from vareon_runtime.entity.context import HostServices
from vareon_runtime.entity.registry import Registry
from vareon_runtime.envelope import Kind, unpack_request, unpack_sent
from vareon_runtime.errors import (
    InvalidMessage,
    NotFound,
    Overloaded,
    Poisoned,
    Unavailable,
    VareonError,
)
from vareon_runtime.hosting import inspection, keyed
from vareon_runtime.hosting.activation import Activation
from vareon_runtime.hosting.audience import CREDIT_LIMIT, Audience
from vareon_runtime.hosting.catalog import Catalog
from vareon_runtime.hosting.committer import BEHIND_LIMIT_S, Committer
from vareon_runtime.hosting.delivery import Arrived, Asked, Caller, Resulted, Subscribed
from vareon_runtime.hosting.effect_call import RunningEffect
from vareon_runtime.hosting.effects import EffectRunner
from vareon_runtime.hosting.feed import Subscriber
from vareon_runtime.hosting.hung_up import HungUp
from vareon_runtime.hosting.loader import Loader
from vareon_runtime.hosting.outbox import Outbox
from vareon_runtime.hosting.outcome import PendingUnit
from vareon_runtime.hosting.ownership import NOT_OURS, Ownership
from vareon_runtime.hosting.quarantine import Quarantine
from vareon_runtime.hosting.reminders import Reminders
from vareon_runtime.hosting.retention import KEPT, Kept, Retention
from vareon_runtime.hosting.shard_work import ShardWork
from vareon_runtime.hosting.spans import Spans
from vareon_runtime.hosting.suspects import Marks
from vareon_runtime.identity import SHARDS, EntityId
from vareon_runtime.memory_use import memory_bytes
from vareon_runtime.placement import shard_of, to_bitmap
from vareon_runtime.routing.client import LinkBus
from vareon_runtime.routing.link import Link, Outlet
from vareon_runtime.routing.router import Claim
from vareon_runtime.routing.subscription import POSITIONS_LIMIT, Subscribe
from vareon_runtime.storage.ports import Store
from vareon_runtime.telemetry import event, failure

SWEEP_S = 1.0


class Host:
    """See the module. Everything it depends on is handed in."""

    def __init__(
        self,
        name: str,
        incarnation: str,
        registry: Registry,
        store: Store,
        bus: Callable[[Host], LinkBus],
        services: HostServices,
        fenced: Callable[[VareonError], None],
        marks: Marks | None = None,
        kept: Kept = KEPT,
    ) -> None:
        self.name = name
        self.incarnation = incarnation
        self.registry = registry
        self.services = services
        self.clock: Clock = services.clock
        self.catalog = Catalog(self)
        self.loader = Loader(store)
        self.committer = Committer(store, self.clock, fenced)
        self.effects = EffectRunner(self)
        self.ownership = Ownership(self, store)
        self.outbox = Outbox(self)
        self.reminders = Reminders(self)
        self.marks = marks or Marks()
        self.quarantine = Quarantine(self, self.marks)
        self.retention = Retention(self, kept)
        self.work: tuple[ShardWork, ...] = (
            self.effects,
            self.outbox,
            self.reminders,
        )
        self.bus = bus(self)
        self.fenced = fenced
        self.stopping = False
        self.loop: asyncio.AbstractEventLoop
        self.turns = 0
        self.store = store
        self.audience = Audience()
        self.spans = Spans(self.clock)
        self.hung_up = HungUp()
        self._last: dict[EntityId, PendingUnit] = {}
        self._sweeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Own the store, take up the effects that were under way, and connect."""
        self.loop = loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self.store.open, self.name, self.incarnation)
        await self.quarantine.start()
        await self.ownership.start()
        self.committer.start()
        self.loader.start()
        await self.bus.start()
        await self.take_up(self.ownership.shards)
        self.ownership.keep()
        self.retention.start()
        self._sweeping = asyncio.create_task(self._sweep())
        event("host_started", host=self.name, incarnation=self.incarnation)

    async def stop(self) -> None:
        """Finish running turns and commits; effects are left for the next life."""
        self.stopping = True
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)
        await self.ownership.stop()
        await self._stop_work()
        running = [a.running for a in self.catalog if a.running is not None]
        if running:
            await asyncio.wait(running, timeout=2.0)
        await self.committer.stop()
        await self.bus.stop()
        await self.loader.stop()
        self.marks.close()
        self.store.close()
        event("host_stopped", host=self.name, incarnation=self.incarnation)

    async def abandon(self) -> None:
        """End as a killed process would, for tests: no flush, no farewell, the lock let go."""
        self.stopping = True
        self.marks.keep()
        if self._sweeping is not None:
            self._sweeping.cancel()
        await self.ownership.stop()
        await self.bus.cut()
        for activation in self.catalog:
            if activation.running is not None:
                activation.running.cancel()
        await self._stop_work()
        await self.committer.abandon()
        await self.loader.stop()
        self.store.close()

    async def _stop_work(self) -> None:
        for part in (self.retention, self.reminders, self.effects, self.outbox):
            await part.stop()

    def status(self) -> dict[str, Any]:
        """Counters for dashboards and probes."""
        return {
            "name": self.name,
            "pid": os.getpid(),
            "incarnation": self.incarnation,
            "kinds": sorted(klass.handlers.kind for klass in self.registry),
            "activations": len(self.catalog),
            "turns": self.turns,
            "commits": self.committer.commits,
            "units": self.committer.units,
            "units_waiting": self.committer.waiting,
            "commit_s": self.committer.seconds,
            "memory_bytes": memory_bytes(),
            "meter": self.spans.meter.snapshot(),
            "effects_running": self.effects.running,
            "effects_started": self.effects.started,
            "subscribers": len(self.audience),
            **self.reminders.status(),
            **self.retention.status(),
        }

    def receive(self, link: Outlet, kind: int, flags: int, correlation: int, body: bytes) -> None:
        """Take one item that the link brought."""
        caller = Caller(link, correlation)
        try:
            if kind == Kind.REQUEST:
                self._request(caller, flags, body)
            elif kind == Kind.CREDIT:
                self.audience.grant(caller, body)
            elif kind == Kind.CANCEL:
                self._hang_up(caller)
            elif kind == Kind.PROBE:
                caller.reply(msgspec.msgpack.encode(self.status()))
            elif kind == Kind.INSPECT:
                caller.reply(inspection.answer(self, body))
        except VareonError as error:
            caller.refuse(error)
        except (ValueError, msgspec.MsgspecError):
            caller.refuse(InvalidMessage("The request cannot be read."))

    def loopback(
        self, outlet: Outlet, flags: int, shard: int, correlation: int, body: bytes
    ) -> bool:
        """Take a request of this host's own effects, if the host owns its target."""
        if not 0 <= shard < SHARDS or shard not in self.ownership.shards:
            return False
        self.receive(outlet, Kind.REQUEST, flags | envelope.TRUSTED, correlation, body)
        return True

    def claim(self) -> Claim:
        """What the router is told of this host's shards."""
        owned = self.ownership.shards - self.ownership.leaving
        return Claim(to_bitmap(owned), self.ownership.epoch)

    async def take_up(self, shards: Collection[int]) -> None:
        """Go on with what is under way in shards that are this host's now."""
        for work in self.work:
            await work.take_up(shards)

    def hand_over(self, shards: Collection[int], error: VareonError) -> None:
        """Begin no more in these shards; what runs in them ends or is left to the next owner."""
        for work in self.work:
            work.hand_over(shards)
        self.audience.hand_over(shards, error)

    def busy_in(self, shard: int) -> bool:
        """Whether anything of a shard to be given up still runs; if not, it is forgotten."""
        inside = [a for a in self.catalog if shard_of(a.target) == shard]
        if any(a.mailbox or a.running or a.uncommitted or a.effects for a in inside):
            return True
        if self.reminders.changing_in(shard):
            return True
        for activation in inside:
            activation.drop(Unavailable(NOT_OURS, 0.05))
        return False

    def link_lost(self, link: Link) -> None:
        """Forget those who came over a link."""
        self.hung_up.lost(link)
        self.audience.lost(link)

    def activate(self, klass: type[Entity[Any]], target: EntityId) -> Activation:
        """A new activation of an entity."""
        return Activation(self, klass, target)

    def submit(self, pending: PendingUnit) -> None:
        """Send a turn's unit to the disk."""
        self._last[pending.activation.target] = pending
        self.committer.submit(pending)

    def last_unit(self, activation: Activation) -> PendingUnit | None:
        """The newest unit of an activation that is not durable yet."""
        return self._last.get(activation.target)

    def unit_done(self, pending: PendingUnit) -> None:
        """A unit is durable, or known not to be."""
        target = pending.activation.target
        if self._last.get(target) is pending:
            del self._last[target]

    def redeliver(self, resulted: Resulted) -> None:
        """Bring an effect's result to whichever activation its entity has now."""
        try:
            self.catalog.get(resulted.effect.target).deliver(resulted, bounded=False)
        except VareonError as error:
            failure("result_lost", error, entity=str(resulted.effect.target))

    def wake(self, effect: RunningEffect) -> None:
        """Run an effect that an earlier life started, in its entity's activation."""
        try:
            activation = self.catalog.get(effect.target)
        except VareonError as error:
            failure("effect_orphaned", error, entity=str(effect.target))
            return
        asyncio.ensure_future(self._wake(activation, effect)).add_done_callback(_log_crash)

    async def _wake(self, activation: Activation, effect: RunningEffect) -> None:
        try:
            await activation.ready()
        except VareonError as error:
            failure("effect_delayed", error, entity=str(effect.target))
            if isinstance(error, Poisoned):
                return  # its row stays; another life may try after the suspicion has run out
            await self.clock.sleep(error.retry_after_s or 1.0)
            self.wake(effect)
            return
        self.effects.start(effect, activation)

    def entity_deleted(self, target: EntityId) -> None:
        """Send its readers away and stop its effects."""
        self.audience.end(target, NotFound("It was deleted."))
        self.effects.cancel_all(target)

    def _request(self, caller: Caller, flags: int, body: bytes) -> None:
        if self.stopping:
            raise Unavailable("This host is stopping.", 0.2)
        request = unpack_request(body)
        self.ownership.demand(request.target)
        activation = self.catalog.get(request.target)
        delivery: Asked | Arrived | Subscribed
        if flags & envelope.STREAM:
            wanted = msgspec.msgpack.decode(request.body, type=Subscribe)
            reader = Subscriber(caller, min(wanted.credit, CREDIT_LIMIT))
            principal = request.principal if flags & envelope.TRUSTED else None
            positions = wanted.positions[:POSITIONS_LIMIT]
            delivery = Subscribed(
                reader,
                positions,
                principal,
                request.message_id,
                request.trace_id,
                request.span_id,
            )
            self.audience.admit(caller, request.target)
        elif self.committer.full:
            raise Overloaded("The database cannot keep up; try again.", 1.0)
        elif flags & envelope.SENT:
            principal = request.principal if flags & envelope.TRUSTED else None
            arrived_s = self.clock.monotonic()
            delivery = Arrived(request, unpack_sent(request.body), caller, principal, arrived_s)
        else:
            self._refuse_when_behind(caller)
            if flags & envelope.PREFIXED:
                request = keyed.admit(activation, envelope.opened(request, flags), flags)
            until_s = self.clock.monotonic() + request.within_s
            delivery = Asked(request, flags, caller, until_s)
        if not activation.deliver(delivery):
            self.audience.turned_away(caller)
            if flags & envelope.KEYED:
                keyed.turned_away(activation, request)
            raise Overloaded("This entity's mailbox is full; try again.", 1.0)

    def _refuse_when_behind(self, caller: Caller) -> None:
        """Take no new work that would wait too long; this host's own asks end older work."""
        if self.outbox.full:
            raise Overloaded("Too many sent messages wait for their receivers; try again.", 1.0)
        if self.effects.full:
            raise Overloaded("Too many effects are under way here; try again.", 1.0)
        if caller.link is not self.bus and self.committer.behind_s > BEHIND_LIMIT_S:
            raise Overloaded("The database cannot keep up; try again.", 1.0)

    def _hang_up(self, caller: Caller) -> None:
        if not self.audience.leave(caller):
            self.hung_up.add(caller, self.clock.monotonic())

    async def _sweep(self) -> None:
        while True:
            await self.clock.sleep(SWEEP_S)
            await self.catalog.sweep_in_parts(self.clock.monotonic())
            self.hung_up.sweep(self.clock.monotonic())


def _log_crash(done: asyncio.Future[None]) -> None:
    if not done.cancelled() and done.exception() is not None:
        failure("wake_failed", done.exception())
