"""Group commit: whatever turns have finished while the last batch was written goes in the next.

One thread writes; the loop goes on. What a turn sends, starts or answers is released only after
its unit is durable. A unit that fails takes its activation down, and with it the units that were
built on top of it: they are answered ``unavailable``, which makes their callers ask again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from vareon_runtime.clock import Clock
from vareon_runtime.errors import StaleOwner, StoreFailed, Unavailable, VareonError
from vareon_runtime.storage.ports import Store, Unit
from vareon_runtime.telemetry import failure

T = TypeVar("T")

BATCH_LIMIT = 512
BACKLOG_LIMIT = 20_000
BEHIND_LIMIT_S = 0.5
"""How long a unit may have to wait for the disk before callers from outside are refused."""
SETTLE_FIRST_S = 0.02
SETTLE_LONGEST_S = 0.5
SETTLE_WITHIN_S = 1.0
"""After so long without knowing what was written, new work is refused at once."""


class Commitable(Protocol):
    """Somebody whose unit waits to be durable."""

    @property
    def unit(self) -> Unit:
        """What is to be written; read when its batch begins."""
        ...

    @property
    def void(self) -> bool:
        """Whether what it was built on has failed meanwhile."""
        ...

    def committed(self) -> None:
        """Called once it is durable."""
        ...

    def failed(self, error: VareonError) -> None:
        """Called once it is known not to be."""
        ...


class Committer:
    """Writes units in the order they come."""

    def __init__(self, store: Store, clock: Clock, stale: Callable[[VareonError], None]) -> None:
        self._store = store
        self._clock = clock
        self._stale = stale
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="committer")
        self._queue: deque[Commitable] = deque()
        self._wake: asyncio.Event = asyncio.Event()
        self._idle: asyncio.Event = asyncio.Event()
        self._idle.set()
        self._running: asyncio.Task[None] | None = None
        self._batch_began = 0.0
        self._batch_took_s = 0.0
        self._unsettled = False
        self._ending = False
        self.commits = 0
        self.units = 0
        self.seconds = 0.0

    @property
    def waiting(self) -> int:
        """How many units are queued."""
        return len(self._queue)

    @property
    def full(self) -> bool:
        """Whether new work must be refused."""
        return self._unsettled or len(self._queue) >= BACKLOG_LIMIT

    @property
    def behind_s(self) -> float:
        """How long a unit that comes now will wait, by the batch that is being written.

        A delay says what a length cannot: a slow disk makes a short queue a long wait.
        """
        if not self._queue:
            return 0.0
        running_s = self._clock.monotonic() - self._batch_began if self._batch_began else 0.0
        batches = len(self._queue) // BATCH_LIMIT
        return max(running_s, self._batch_took_s) + batches * self._batch_took_s

    def start(self) -> None:
        """Begin to write."""
        self._running = asyncio.create_task(self._run())

    def submit(self, item: Commitable) -> None:
        """Queue a unit."""
        self._queue.append(item)
        self._idle.clear()
        self._wake.set()

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run something else that writes, on the writing thread and so between two batches."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, function, *arguments)

    async def drain(self) -> None:
        """Wait until everything queued has been written."""
        await self._idle.wait()

    async def stop(self) -> None:
        """Write what is queued, then end."""
        self._ending = True
        await self.drain()
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        self._thread.shutdown(wait=True)

    async def abandon(self) -> None:
        """End without writing what is queued, as a killed process would."""
        self._queue.clear()
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        self._thread.shutdown(wait=True)

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                await self._batch()
            self._idle.set()

    async def _batch(self) -> None:
        items: list[Commitable] = []
        while self._queue and len(items) < BATCH_LIMIT:
            item = self._queue.popleft()
            if item.void:
                item.failed(Unavailable("An earlier change of this entity failed.", 0.02))
            else:
                items.append(item)
        if not items:
            return
        self._batch_began = began = self._clock.monotonic()
        outcomes = await self._write([item.unit for item in items])
        self._batch_took_s = self._clock.monotonic() - began
        self.seconds += self._batch_took_s
        self._batch_began = 0.0
        self.commits += 1
        self.units += len(items)
        for item, outcome in zip(items, outcomes, strict=True):
            try:
                if outcome is None:
                    item.committed()
                else:
                    item.failed(outcome)
            except Exception as error:  # noqa: BLE001 - one item must not end all writing
                failure("release_failed", error, entity=str(item.unit.target))

    async def _was_written(self) -> bool:
        """Whether a commit that failed was written all the same; nothing is written until known.

        To take it for failed would lose what it sent, and run effects again that it finished.
        """
        pause = SETTLE_FIRST_S
        began = self._clock.monotonic()
        written = False
        while not self._ending:
            try:
                written = await self.call(self._store.settle)
                break
            except StoreFailed:
                self._unsettled = self._clock.monotonic() - began > SETTLE_WITHIN_S
                await self._clock.sleep(pause)
                pause = min(SETTLE_LONGEST_S, pause * 2)
        self._unsettled = False
        return written

    async def _after_break(self, missing: int) -> Sequence[VareonError | None]:
        """The outcomes of units from the one on with which the database broke off."""
        if not missing:
            return []
        error = StoreFailed("The database broke off in the middle of its work.", 1.0)
        failure("commit_failed", error, units=missing)
        first = None if await self._was_written() else error
        untried = Unavailable("The database broke off before this was written; ask again.", 0.1)
        return [first, *[untried] * (missing - 1)]

    async def _write(self, units: list[Unit]) -> Sequence[VareonError | None]:
        loop = asyncio.get_running_loop()
        now_ms = int(self._clock.time() * 1000)
        try:
            known = await loop.run_in_executor(self._thread, self._store.commit, units, now_ms)
            return [*known, *await self._after_break(len(units) - len(known))]
        except StaleOwner as error:
            self._stale(error)
            return [Unavailable(error.detail, 0.1)] * len(units)
        except StoreFailed as error:
            failure("commit_failed", error, units=len(units))
            return [None if await self._was_written() else error] * len(units)
        except Unavailable as error:
            failure("commit_failed", error, units=len(units))
            return [error] * len(units)
        except Exception as error:  # noqa: BLE001 - whatever it is, callers must hear of it
            failure("commit_failed", error, units=len(units))
            return [Unavailable("The change could not be stored; the log says why.", 1.0)] * len(
                units
            )
