"""Runs effects and flows beside the mailboxes and brings their results back as turns."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from vareon_runtime.entity.context import Changes, SentSignal
from vareon_runtime.entity.flow import Flow
from vareon_runtime.errors import (
    Cancelled,
    Conflict,
    InternalError,
    NotFound,
    StaleOwner,
    StoreFailed,
    Unavailable,
    VareonError,
)
from vareon_runtime.hosting.abandonment import Abandonment
from vareon_runtime.hosting.delivery import Resulted
from vareon_runtime.hosting.effect_call import RunningEffect, from_record
from vareon_runtime.hosting.effect_life import EffectLife, cancel_row, signal_row
from vareon_runtime.hosting.effect_rows import find_effects, find_signals
from vareon_runtime.hosting.effect_run import EffectRun
from vareon_runtime.identity import EntityId
from vareon_runtime.placement import shard_of
from vareon_runtime.storage.changes import RowChange
from vareon_runtime.storage.ports import EffectRecord, Unit
from vareon_runtime.telemetry import failure, log_about

if TYPE_CHECKING:
    from vareon_runtime.hosting.activation import Activation
    from vareon_runtime.hosting.host import Host

RUNNING_LIMIT = 2_000
AGAIN_FIRST_S = 0.02
AGAIN_LONGEST_S = 1.0
STARTED_LIMIT = 100_000
"""Effects of one host that run or wait for a place; then callers are refused."""


class EffectRunner:
    """The effects and flows under way in one host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._lives: dict[bytes, EffectLife] = {}
        self._arriving: set[int] = set()
        """Shards of which it is not known yet what is under way in them."""
        self._places = asyncio.Semaphore(RUNNING_LIMIT)
        self._chores: set[asyncio.Task[None]] = set()
        self.started = 0
        self.running = 0
        """How many are under way."""

    @property
    def unsettled(self) -> int:
        """How many turns of unknown outcome are being looked into."""
        return len(self._chores)

    def expect(self, records: Sequence[EffectRecord], changes: Changes) -> None:
        """A turn has started these, and told others; so it is once it is committed."""
        for record in records:
            life = self._lives[record.effect_id] = self._life(from_record(record))
            life.next_number += sum(
                1 for sent in changes.signals if sent.flow_id == record.effect_id
            )
        self._on_their_way(changes.signals, 1)

    def committed(self, unit: Unit, changes: Changes, activation: Activation) -> None:
        """A turn is durable: what it started begins, what it stopped stops."""
        if unit.finished is not None:
            self.finished(unit.target, unit.finished)
        for record in unit.effects:
            self.start(from_record(record), activation)
        for effect_id in changes.cancelled:
            self.cancel(effect_id)
        self._on_their_way(changes.signals, -1)
        for sent in changes.signals:
            self._tell(sent)

    def under_way(self) -> Iterator[RunningEffect]:
        """Those that run, or wait for a place."""
        return (life.effect for life in self._lives.values())

    @property
    def full(self) -> bool:
        """Whether messages that could start more must be refused."""
        return len(self._lives) >= STARTED_LIMIT

    def start(self, effect: RunningEffect, activation: Activation) -> None:
        """Run an effect whose start is committed."""
        life = self._lives.get(effect.record.effect_id)
        if life is None or life.task is not None or life.leave:
            return
        if activation.tombstone:
            life.cancel()
        self.started += 1
        self.running += 1
        activation.effects += 1
        life.task = asyncio.ensure_future(self._run(life, activation))
        life.task.add_done_callback(lambda _: self._ended(life, activation))

    def cancel(self, effect_id: bytes) -> None:
        """Stop one; its entity is told `Cancelled`."""
        life = self._lives.get(effect_id)
        if life is None or life.ended:
            return
        life.cancel()
        if life.task is not None and not life.is_flow:
            life.task.cancel("asked")

    def cancel_all(self, target: EntityId) -> None:
        """Stop those of an entity that is gone."""
        for effect_id, life in list(self._lives.items()):
            if life.effect.target == target:
                self.cancel(effect_id)

    def cancelling(self, entity_id: EntityId, effect_id: bytes, *, new: bool) -> RowChange | None:
        """See `vareon_runtime.entity.context.Undertakings`."""
        life = self._life_of(entity_id, effect_id, new=new)
        if new:
            return cancel_row(effect_id)
        if life is None or life.ended:
            return None
        life.marked = True
        return cancel_row(effect_id)

    def signalling(
        self, entity_id: EntityId, flow_id: bytes, name: str, body: Any, earlier: int, *, new: bool
    ) -> tuple[SentSignal, RowChange]:
        """See `vareon_runtime.entity.context.Undertakings`."""
        life = self._life_of(entity_id, flow_id, new=new)
        if not new and (life is None or life.ended or not life.is_flow):
            raise NotFound("That flow is over.")
        return signal_row(life, flow_id, name, body, earlier)

    def ending(self, effect_id: bytes, *, keeps_journal: bool = False) -> list[RowChange]:
        """A turn takes the result; the rows that go with it."""
        life = self._lives.get(effect_id)
        if life is None:
            return []
        life.ended = True
        return life.farewell(keeps_journal=keeps_journal)

    def finished(self, target: EntityId, effect_id: bytes) -> None:
        """The result is committed."""
        self._lives.pop(effect_id, None)
        self._host.quarantine.handled(effect_id)
        self._host.audience.end_streams(target, effect_id)

    def not_stored(self, unit: Unit, changes: Changes, error: VareonError) -> None:
        """A turn was not stored, or it is unknown whether it was.

        What it may have started, cancelled or signalled is looked up. The result it took goes to
        the entity again, unless the look-up shows that it was taken. A conflict, or a change that
        cannot be stored, is a result of its own, and goes to the entity once.
        """
        if isinstance(error, StoreFailed):
            if unit.effects or changes.cancelled or changes.signals:
                self._begin(self._settle([e.effect_id for e in unit.effects], changes))
        else:
            self._on_their_way(changes.signals, -1)
            for record in unit.effects:
                self._lives.pop(record.effect_id, None)
        life = self._lives.get(unit.finished) if unit.finished is not None else None
        if life is None:
            return
        life.ended = False
        if not isinstance(error, Conflict | InternalError):
            life.task = self._begin(self._again(life, error))
        elif life.conflicted:
            rows = life.farewell()
            self._host.committer.submit(Abandonment(self._host, life.effect, rows))
        else:
            life.conflicted = True
            self._host.redeliver(Resulted(life.effect, error=error))

    def gained(self, shards: Collection[int]) -> None:
        """These shards are this host's now; what is under way in them is not known yet."""
        self._arriving.update(shards)

    async def take_up(self, shards: Collection[int]) -> None:
        """Run on what an earlier owner of these shards started."""
        self.gained(shards)
        try:
            await self._take_up(set(shards))
        except StoreFailed as error:
            failure("effects_not_taken_up", error)
            self._begin(self._take_up_later(set(shards)))

    def hand_over(self, shards: Collection[int]) -> None:
        """Stop those of shards that go to another host, which finds their rows."""
        for life in list(self._lives.values()):
            if life.effect.record.shard in shards:
                life.leave = True
                if life.task is not None and not life.holds:
                    life.task.cancel("stopping")

    async def stop(self) -> None:
        """Stop all; their rows stay, and the next life of the host finds them."""
        tasks = [life.task for life in self._lives.values() if life.task is not None]
        tasks.extend(self._chores)
        for running in tasks:
            running.cancel("stopping")
        await asyncio.gather(*tasks, return_exceptions=True)

    def _life(self, effect: RunningEffect) -> EffectLife:
        klass = self._host.registry.get(effect.target.kind)
        handler = klass.handlers.effects.get(effect.record.name)
        is_flow = handler is not None and isinstance(handler.effect, Flow)
        return EffectLife(effect, is_flow=is_flow)

    def _life_of(self, entity_id: EntityId, effect_id: bytes, *, new: bool) -> EffectLife | None:
        if self._arriving and shard_of(entity_id) in self._arriving:
            raise Unavailable("This entity is being taken up; ask again.", 0.05)
        life = self._lives.get(effect_id)
        if life is not None:
            return life if life.effect.target == entity_id else None
        if not new and not self._host.ownership.owns(entity_id):  # it may have left already
            raise Unavailable("This entity moves to another host; ask again.", 0.05)
        return None

    def _on_their_way(self, signals: Sequence[SentSignal], change: int) -> None:
        for sent in signals:
            life = self._lives.get(sent.flow_id)
            if life is not None:
                life.coming = max(0, life.coming + change)

    def _tell(self, sent: SentSignal) -> None:
        life = self._lives.get(sent.flow_id)
        if life is not None:
            life.tell(sent.number, sent.name, sent.body)

    def _begin(self, chore: Any) -> asyncio.Task[None]:
        running: asyncio.Task[None] = asyncio.ensure_future(chore)
        self._chores.add(running)
        running.add_done_callback(self._chores.discard)
        return running

    async def _take_up(self, shards: set[int]) -> None:
        host = self._host
        records = await host.committer.call(host.store.recover_effects, shards)
        told = await host.loader.call(find_signals, host.store, [r.effect_id for r in records])
        for record in records:
            previous = self._lives.get(record.effect_id)
            if previous is not None and previous.task is not None:
                previous.returns = previous.leave and not previous.holds
                previous.leave = previous.returns
                continue
            try:
                life = self._life(from_record(record))
            except VareonError as error:
                failure("effect_orphaned", error, entity=str(record.target))
                continue
            life.load(told.get(record.effect_id, []))
            self._lives[record.effect_id] = life
            host.wake(life.effect)
        self._arriving -= shards

    async def _take_up_later(self, shards: set[int]) -> None:
        while True:
            await self._host.clock.sleep(AGAIN_LONGEST_S)
            try:
                await self._take_up(shards & self._host.ownership.shards)
            except StaleOwner as error:
                self._host.fenced(error)
                return
            except StoreFailed as error:
                failure("effects_not_taken_up", error)
                continue
            self._arriving -= shards
            return

    async def _settle(self, started: list[bytes], changes: Changes) -> None:
        """Find out what a turn of unknown outcome has left."""
        host = self._host
        told = sorted({*changes.cancelled, *(sent.flow_id for sent in changes.signals)})
        while True:
            try:
                found = await host.loader.call(find_effects, host.store, started)
                rows = await host.loader.call(find_signals, host.store, told)
                break
            except StoreFailed:
                await host.clock.sleep(AGAIN_LONGEST_S)
        for effect_id in started:
            if effect_id in found:
                host.wake(from_record(found[effect_id]))
            else:
                self._lives.pop(effect_id, None)
        self._on_their_way(changes.signals, -1)
        for effect_id in told:
            life = self._lives.get(effect_id)
            if life is not None and not life.ended:
                life.load(rows.get(effect_id, []))
                if life.cancelled:
                    self.cancel(effect_id)

    async def _again(self, life: EffectLife, error: VareonError) -> None:
        """Give a result to its entity again, unless it has been stored after all."""
        host, effect_id = self._host, life.effect.record.effect_id
        while True:
            life.redelivered += 1
            await host.clock.sleep(min(AGAIN_LONGEST_S, AGAIN_FIRST_S * 2.0**life.redelivered))
            try:
                found = await host.loader.call(find_effects, host.store, [effect_id])
                break
            except StoreFailed:
                continue
        if effect_id not in found:
            self.finished(life.effect.target, effect_id)
        elif life.result is not None:
            host.redeliver(life.result)

    def _ended(self, life: EffectLife, activation: Activation) -> None:
        self.running -= 1
        activation.effects -= 1
        activation.last_used = self._host.clock.monotonic()
        if life.result is not None:
            return
        self._lives.pop(life.effect.record.effect_id, None)
        if life.returns and not self._host.stopping:
            shard = life.effect.record.shard
            self._arriving.add(shard)
            self._begin(self._take_up_later({shard}))

    async def _run(self, life: EffectLife, activation: Activation) -> None:
        effect = life.effect
        log_about(effect)
        value: Any = None
        error: VareonError | None = None
        try:
            await self._host.quarantine.passing()
            value = await EffectRun(self._host, life, self._places).run(activation)
        except asyncio.CancelledError:
            if life.leave or self._host.stopping:
                raise
            error = Cancelled("It was stopped on request.")
        except VareonError as known:
            error = known
        except Exception as unforeseen:  # noqa: BLE001 - its entity must hear of it
            failure(
                "effect_failed", unforeseen, entity=str(effect.target), effect=effect.record.name
            )
            error = InternalError("It failed in an unforeseen way; the log says why.")
        life.holds.clear()
        life.result = Resulted(effect, value, error)
        self._host.redeliver(life.result)
