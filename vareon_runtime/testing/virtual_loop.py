"""An event loop on virtual time: an hour takes no longer than what happens in it.

Nothing here reads a clock, a socket or a thread. The time is a number that jumps to the next
timer when nothing is left to do, and what code gives to a thread runs inline, after a delay that
the seed chooses. So the same seed gives the same run, whatever the machine does meanwhile.

Several processes share the loop. Everything that a `Process` sets in motion inherits its context,
and the loop runs a callback only if its process runs: a frozen one is held back while time goes
on, a dead one is never heard of again.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import random
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

EPOCH_S = 1_800_000_000.0
"""What a clock without skew shows when a simulation begins."""
CLOSE_LIMIT = 2_000
"""Rounds of the loop in which cancelled tasks must have ended."""

_running: contextvars.ContextVar[Process | None] = contextvars.ContextVar("process", default=None)


class Process:
    """One process of the simulated cluster.

    Attributes:
        skew_s: How far its wall clock is off.
        slow_s: How much longer than usual its threads take, each call.
        frozen: Whether it stands still, as after SIGSTOP.
        dead: Whether it has ended, as after SIGKILL.
    """

    def __init__(self, loop: VirtualLoop, name: str) -> None:
        self.name = name
        self.skew_s = 0.0
        self.slow_s = 0.0
        self.frozen = False
        self.dead = False
        self.context = contextvars.Context()
        self.context.run(_running.set, self)
        self._loop = loop
        self._held: list[asyncio.Handle] = []
        loop.processes.append(self)

    @property
    def runs(self) -> bool:
        """Whether its callbacks are run now."""
        return not (self.frozen or self.dead)

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin a task of this process."""
        return self._loop.create_task(work, context=self.context)

    def freeze(self) -> None:
        """Run nothing of it until it thaws."""
        self.frozen = True
        self._loop.gated.add(self.name)

    def thaw(self) -> None:
        """Go on where it stood."""
        self.frozen = False
        if not self.dead:
            held, self._held = self._held, []
            self._loop.again(held)

    def kill(self) -> None:
        """End it between two callbacks: nothing of it runs again."""
        self.dead = True
        self._loop.gated.add(self.name)

    def hold(self, handle: asyncio.Handle) -> None:
        """Keep what came up while it does not run.

        What a dead one would have run is kept too, so that its tasks are ended in order when the
        loop is closed, and not by the collector at a moment that no seed decides.
        """
        self._held.append(handle)


class SimClock:
    """The clock of one process. See `vareon_runtime.clock.Clock`.

    Its wall time is off by the process's skew; the monotonic time is one for all, as on one
    machine.
    """

    def __init__(self, loop: VirtualLoop, process: Process) -> None:
        self._loop = loop
        self._process = process

    def time(self) -> float:
        """Seconds since the epoch, as this process believes."""
        return EPOCH_S + self._loop.time() + self._process.skew_s

    def monotonic(self) -> float:
        """Virtual seconds since the simulation began."""
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Wait in virtual time."""
        await asyncio.sleep(seconds)


class VirtualLoop(asyncio.BaseEventLoop):
    """See the module.

    Args:
        rng: Chooses how long the work of threads takes.
    """

    _ready: Any
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self._now = 0.0
        self._rng = rng
        self._lanes: dict[Any, float] = {}
        self.processes: list[Process] = []
        self.gated: set[str] = set()
        """Names of processes that were ever held back; while empty, nothing is asked."""

    def time(self) -> float:
        """Virtual seconds since the simulation began."""
        return self._now

    def again(self, handles: list[asyncio.Handle]) -> None:
        """Queue callbacks that were held back."""
        self._ready.extend(handles)

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Run a function inline after a while, one at a time for each executor."""
        process = _running.get()
        future: asyncio.Future[T] = self.create_future()
        before, after = self._rng.uniform(0.0001, 0.003), self._rng.uniform(0.0001, 0.002)
        lane = (process.name if process else "", executor)
        begins = max(self._now, self._lanes.get(lane, 0.0)) + before
        if process is not None:
            begins += process.slow_s
        self._lanes[lane] = begins + after
        self.call_at(begins, self._work, future, after, func, args)
        return future

    def _work(
        self, future: asyncio.Future[Any], after: float, func: Callable[..., Any], args: Any
    ) -> None:
        value: Any = None
        try:
            value = func(*args)
        except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
            self.call_later(after, _fail, future, error)
        else:
            self.call_later(after, _succeed, future, value)

    def close_all(self) -> None:
        """Cancel every task, of frozen and dead processes too, and let them end."""
        for process in self.processes:
            process.dead = False
            process.thaw()
        self.gated.clear()
        self.set_exception_handler(lambda _loop, _context: None)
        for _ in range(CLOSE_LIMIT):
            tasks = asyncio.all_tasks(self)
            if not tasks:
                break
            for task in tasks:
                task.cancel()
            self.call_soon(self.stop)
            self.run_forever()
        self.close()

    def _run_once(self) -> None:
        """One round: jump to the next timer if nothing is ready, then run what is."""
        ready, scheduled = self._ready, self._scheduled
        if not ready:
            while scheduled and scheduled[0].cancelled():
                heapq.heappop(scheduled)._scheduled = False  # type: ignore[attr-defined]  # noqa: SLF001
            if not scheduled:
                raise RuntimeError("Nothing in this simulation will ever happen again.")
            self._now = max(self._now, scheduled[0].when())
        while scheduled and scheduled[0].when() <= self._now:
            timer = heapq.heappop(scheduled)
            timer._scheduled = False  # type: ignore[attr-defined]  # noqa: SLF001
            if not timer.cancelled():
                ready.append(timer)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle.cancelled():
                continue
            if self.gated:
                process = handle._context.get(_running)  # noqa: SLF001
                if process is not None and not process.runs:
                    process.hold(handle)
                    continue
            handle._run()  # noqa: SLF001

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Cancelled timers are dropped when their time comes."""

    def _process_events(self, event_list: Any) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """There is no other thread to wake it from."""


def current_process() -> Process | None:
    """The process that is running now; None in what drives the simulation."""
    return _running.get()


def _succeed(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
