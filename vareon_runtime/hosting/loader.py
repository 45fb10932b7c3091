"""Reads entities when they are first addressed: many at a time, on a thread of its own."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from vareon_runtime.errors import Overloaded, StoreFailed, Unavailable
from vareon_runtime.storage.ports import Loaded, Store, Wanted
from vareon_runtime.telemetry import failure

T = TypeVar("T")

BATCH_LIMIT = 256
WAITING_LIMIT = 50_000
"""Entities and ids that may wait to be read."""


class Loader:
    """Collects what is wanted while the last batch is read."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="loader")
        self._queue: deque[tuple[Wanted, asyncio.Future[Loaded]]] = deque()
        self._wake = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to read."""
        self._running = asyncio.create_task(self._run())

    async def load(self, wanted: Wanted) -> Loaded:
        """The stored state and inbox rows.

        Raises:
            Unavailable: If the database cannot be read right now.
            Overloaded: If too many wait to be read.
        """
        if len(self._queue) >= WAITING_LIMIT:
            raise Overloaded("Too many entities wait to be read; try again.", 1.0)
        future: asyncio.Future[Loaded] = asyncio.get_running_loop().create_future()
        self._queue.append((wanted, future))
        self._wake.set()
        return await future

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Read something else, on the reading thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, function, *arguments)

    async def stop(self) -> None:
        """End; whoever still waits hears `Unavailable`."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        self._thread.shutdown(wait=True)
        _fail(self._queue, "This host is stopping.")

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                queue = self._queue
                part = [queue.popleft() for _ in range(min(BATCH_LIMIT, len(queue)))]
                wanted = [w for w, _ in part]
                try:
                    found = await loop.run_in_executor(self._thread, self._store.load, wanted)
                except StoreFailed as error:
                    _fail(part, error.detail)
                    continue
                except Exception as error:  # noqa: BLE001 - the reading of everything else goes on
                    failure("load_failed", error, entities=len(part))
                    _fail(part, "It cannot be read; the log says why.")
                    continue
                for (_, future), loaded in zip(part, found, strict=True):
                    if not future.done():
                        future.set_result(loaded)


def _fail(part: Iterable[tuple[Wanted, asyncio.Future[Loaded]]], detail: str) -> None:
    for _, future in part:
        if not future.done():
            future.set_exception(Unavailable(detail, 0.2))
