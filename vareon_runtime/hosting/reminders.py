"""Brings the ticks of reminders to their entities when they are due.

Rows are the truth; memory holds only those due within a short window, read again and again while
it moves on. A turn that sets, ends or handles a reminder takes it out of memory at once, and what
the turn leaves is armed when it is committed. A tick whose turn was not committed is found in its
row again: so none is lost, and none is handled twice.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Collection
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec

from vareon_runtime.entity.context import Changes
from vareon_runtime.errors import Conflict, InternalError, NotFound, StoreFailed, VareonError
from vareon_runtime.hosting.delivery import Ticked
from vareon_runtime.hosting.reminder_plan import REMINDERS, Armed, from_row, rows_of
from vareon_runtime.hosting.tick_turn import give_up_or_postpone
from vareon_runtime.identity import SHARDS, EntityId
from vareon_runtime.placement import shard_of
from vareon_runtime.storage.ports import Unit
from vareon_runtime.telemetry import failure

if TYPE_CHECKING:
    from vareon_runtime.hosting.host import Host

WINDOW_MS = 30_000
READ_EVERY_MS = 10_000
READ_LIMIT = 10_000
ARMED_LIMIT = 2 * READ_LIMIT
FLYING_LIMIT = 2_000
FIRE_LIMIT = 256
"""So many are brought in one go; then whatever else the loop has to do comes first."""
LONGEST_SLEEP_S = 1.0
"""The clock of the wall may be set: it is looked at this often."""
SHORTEST_SLEEP_S = 0.002
AGAIN_MS = 200
ORPHAN_MS = 3_600_000
"""When a reminder of a kind that this program does not have is looked at again."""

Key = tuple[EntityId, str]


class Reminders:
    """See the module. One timer for all of a host's reminders."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._armed: dict[EntityId, dict[str, Armed]] = {}
        self._heap: list[tuple[int, int, Armed]] = []
        self._numbers = count()
        self._held = 0
        self._flying = 0
        self._changing: dict[Key, Changes] = {}
        """Changed by a turn that is not committed; the newest such turn."""
        self._touched: set[Key] | None = None
        """Changed while rows were read, which may show how it was before."""
        self._horizon_ms = 0
        self._read_at_ms = 0
        self._more = False
        self._reading: asyncio.Task[None] | None = None
        self._running: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self.ticks = 0

    def status(self) -> dict[str, int]:
        """Counters for dashboards and probes."""
        return {"reminders_armed": self._held, "ticks": self.ticks}

    async def take_up(self, shards: Collection[int]) -> None:
        """Look for what is due in shards that have become this host's."""
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        self._read_soon(0)

    def hand_over(self, shards: Collection[int]) -> None:
        """Leave what belongs to these shards to their next owner, who finds the rows."""
        for target in [t for t in self._armed if shard_of(t) in shards]:
            self._drop_all(target)

    async def stop(self) -> None:
        """Bring no more; the rows stay."""
        tasks = [task for task in (self._running, self._reading) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def submitted(self, target: EntityId, changes: Changes) -> None:
        """A turn has ended and waits for its commit: what it changed is not due any more."""
        if changes.deleted:
            self._drop_all(target)
        for name in changes.armed:
            self._drop(target, name)
            self._changing[target, name] = changes
            self._touch(target, name)

    def committed(self, target: EntityId, changes: Changes) -> None:
        """It is durable: what it set is due in time."""
        if changes.deleted:
            self._drop_all(target)
        for name, armed in changes.armed.items():
            self._touch(target, name)
            if self._changing.get((target, name)) is not changes:
                continue
            del self._changing[target, name]
            if armed is not None and armed.wake_ms <= self._horizon_ms:
                self._arm(armed)

    def failed(self, target: EntityId, changes: Changes, error: VareonError) -> None:
        """It is not durable: the rows say what is due."""
        for name in changes.armed:
            self._touch(target, name)
            if self._changing.get((target, name)) is changes:
                del self._changing[target, name]
        if changes.armed or changes.deleted:
            self._read_soon(AGAIN_MS)
        armed: Armed | None = changes.tick
        if armed is None or not isinstance(error, Conflict | InternalError):
            return
        if (target, armed.name) not in self._changing:
            self._put_off(armed, error)

    def spoilt(self, armed: Armed, error: VareonError) -> None:
        """A tick's turn was stopped, or may not run: that counts as a failure of the tick."""
        if armed.live:
            self._put_off(armed, error)

    def _put_off(self, armed: Armed, error: VareonError) -> None:
        if not self._host.stopping:
            changes = Changes()
            give_up_or_postpone(changes, armed, error, self._now_ms())
            self._host.committer.submit(_Postponed(self._host, armed.target, changes))

    def changing_in(self, shard: int) -> bool:
        """Whether a change in a shard waits for its commit."""
        return any(shard_of(target) == shard for target, _ in self._changing)

    def turned_away(self, armed: Armed) -> None:
        """A tick could not be handled, because its entity left memory meanwhile."""
        self._landed(armed)
        if armed.live:
            self._push(armed, self._now_ms() + AGAIN_MS)

    def _now_ms(self) -> int:
        return int(self._host.clock.time() * 1000)

    def _touch(self, target: EntityId, name: str) -> None:
        if self._touched is not None:
            self._touched.add((target, name))

    def _arm(self, armed: Armed) -> None:
        if not self._host.ownership.owns(armed.target):
            return
        self._drop(armed.target, armed.name)
        self._armed.setdefault(armed.target, {})[armed.name] = armed
        self._held += 1
        self._push(armed, armed.wake_ms)
        if self._held > ARMED_LIMIT:
            self._forget_the_latest()

    def _push(self, armed: Armed, at_ms: int) -> None:
        if not self._heap or at_ms < self._heap[0][0]:
            self._wake.set()
        heapq.heappush(self._heap, (at_ms, next(self._numbers), armed))
        if len(self._heap) > 2 * ARMED_LIMIT:
            self._heap = sorted(entry for entry in self._heap if entry[2].live)

    def _forget_the_latest(self) -> None:
        """Keep the next ones only; the rest is read again when its time comes nearer."""
        waiting = sorted(entry for entry in self._heap if entry[2].live)
        self._heap, rest = waiting[:READ_LIMIT], waiting[READ_LIMIT:]
        for _, _, armed in rest:
            self._drop(armed.target, armed.name)
        if rest:
            self._horizon_ms = min(self._horizon_ms, rest[0][0] - 1)
            self._more = True

    def _drop(self, target: EntityId, name: str) -> None:
        of_entity = self._armed.get(target)
        armed = of_entity.pop(name, None) if of_entity is not None else None
        if armed is None:
            return
        if not of_entity:
            del self._armed[target]
        armed.live = False
        self._held -= 1
        self._landed(armed)

    def _drop_all(self, target: EntityId) -> None:
        for name in list(self._armed.get(target, ())):
            self._drop(target, name)

    def _landed(self, armed: Armed) -> None:
        if armed.flying:
            armed.flying = False
            self._flying -= 1
            if self._flying == FLYING_LIMIT - 1:
                self._wake.set()

    async def _run(self) -> None:
        clock = self._host.clock
        while True:
            self._wake.clear()
            now_ms = self._now_ms()
            self._fire(now_ms)
            self._read_if_needed(now_ms)
            pause = asyncio.ensure_future(clock.sleep(self._pause_s(now_ms)))
            woken = asyncio.ensure_future(self._wake.wait())
            try:
                await asyncio.wait((pause, woken), return_when=asyncio.FIRST_COMPLETED)
            finally:
                pause.cancel()
                woken.cancel()

    def _pause_s(self, now_ms: int) -> float:
        if self._heap and not self._held_up():
            next_ms = self._heap[0][0]
            return min(LONGEST_SLEEP_S, max(SHORTEST_SLEEP_S, (next_ms - now_ms) / 1000))
        return AGAIN_MS / 1000 if self._heap else LONGEST_SLEEP_S

    def _held_up(self) -> bool:
        host = self._host
        return self._flying >= FLYING_LIMIT or host.committer.full or not host.ownership.holds

    def _fire(self, now_ms: int) -> None:
        for _ in range(FIRE_LIMIT):
            if not self._heap or self._heap[0][0] > now_ms or self._held_up():
                break
            armed = heapq.heappop(self._heap)[2]
            if armed.live and not armed.flying:
                self._bring(armed, now_ms)

    def _bring(self, armed: Armed, now_ms: int) -> None:
        try:
            activation = self._host.catalog.get(armed.target)
        except NotFound as error:
            failure("reminder_orphaned", error, entity=str(armed.target), reminder=armed.name)
            later = Armed(armed.target, armed.name, now_ms + ORPHAN_MS, armed.plan)
            changes = Changes(armed={armed.name: later})
            self._host.committer.submit(_Postponed(self._host, armed.target, changes))
        except VareonError as error:
            self._push(armed, now_ms + int((error.retry_after_s or 1.0) * 1000))
        else:
            armed.flying = True
            self._flying += 1
            self.ticks += 1
            activation.deliver(Ticked(armed, armed.tick_id()), bounded=False)

    def _read_soon(self, within_ms: int) -> None:
        self._read_at_ms = min(self._read_at_ms, self._now_ms() + within_ms)
        self._wake.set()

    def _read_if_needed(self, now_ms: int) -> None:
        due = now_ms >= self._read_at_ms
        low = self._more and self._held < READ_LIMIT // 2 and not due
        if self._reading is None and (low or due):
            if due:
                self._read_at_ms = now_ms + READ_EVERY_MS
            since_ms = self._horizon_ms if low else None
            self._reading = asyncio.create_task(self._read(since_ms, now_ms + WINDOW_MS))

    async def _read(self, since_ms: int | None, horizon_ms: int) -> None:
        """Arm what is due up to the horizon, the soonest first.

        Args:
            since_ms: What is due before this is armed already; None to look at everything.
            horizon_ms: How far to look.
        """
        self._touched = set()
        self._horizon_ms = horizon_ms
        try:
            rows = await self._rows(since_ms, horizon_ms)
            self._more = len(rows) == READ_LIMIT
            if self._more:
                self._horizon_ms = rows[-1]["due_ms"]
            for number, row in enumerate(rows, 1):
                self._adopt(row, self._touched)
                if number % FIRE_LIMIT == 0:
                    await asyncio.sleep(0)
        except StoreFailed as error:
            failure("reminders_not_read", error, host=self._host.name)
            self._read_at_ms = self._now_ms() + 1_000
        finally:
            self._touched = None
            self._reading = None
            self._wake.set()

    def _adopt(self, row: dict[str, Any], touched: set[Key]) -> None:
        key = (EntityId(row["kind"], row["key"]), row["name"])
        known = key[1] in self._armed.get(key[0], ())
        if known or key in self._changing or key in touched:
            return
        try:
            self._arm(from_row(row))
        except msgspec.MsgspecError as error:
            failure("reminder_unreadable", error, entity=str(key[0]), reminder=key[1])

    async def _rows(self, since_ms: int | None, horizon_ms: int) -> list[dict[str, Any]]:
        host = self._host
        owned = host.ownership.shards - host.ownership.leaving
        where = {} if len(owned) == SHARDS else {"shard": sorted(owned)}
        if not owned:
            return []
        return await host.loader.call(
            lambda: host.store.find(
                REMINDERS,
                where,
                up_to=("due_ms", horizon_ms),
                at_least=since_ms,
                limit=READ_LIMIT,
            )
        )


class _Postponed:
    """A change of a reminder outside any turn, because no turn can be stored for it."""

    void = False

    def __init__(self, host: Host, target: EntityId, changes: Changes) -> None:
        self.unit = Unit(target, rows=[*changes.rows, *rows_of(target, changes)])
        self._host = host
        self._changes = changes
        host.reminders.submitted(target, changes)

    def committed(self) -> None:
        """It is due when its row says so."""
        self._host.reminders.committed(self.unit.target, self._changes)

    def failed(self, error: VareonError) -> None:
        """Its row says what it said before."""
        self._host.reminders.failed(self.unit.target, self._changes, error)
