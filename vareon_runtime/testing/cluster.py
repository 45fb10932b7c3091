"""A router, a host and a bus in one process: the very classes that run in Ray."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from vareon_runtime.clock import Clock, SystemClock
from vareon_runtime.config import Settings
from vareon_runtime.entity.base import Entity
from vareon_runtime.entity.context import HostServices
from vareon_runtime.entity.registry import Registry
from vareon_runtime.errors import VareonError
from vareon_runtime.hosting.host import Host
from vareon_runtime.hosting.suspects import Marks
from vareon_runtime.identity import IdSource
from vareon_runtime.migrations.own_tables import make_tables
from vareon_runtime.migrations.run import migrate
from vareon_runtime.routing.client import LinkBus
from vareon_runtime.routing.link import Link, Wire
from vareon_runtime.routing.router import Router
from vareon_runtime.routing.serving import serve
from vareon_runtime.storage.ports import Store
from vareon_runtime.storage.reader import RowReader
from vareon_runtime.storage.sqlite import SqliteStore
from vareon_runtime.testing.wires import MemoryWire


class InProcessCluster:
    """Runs entities on a SQLite file, reached over in-memory links.

    Use it as an async context manager and ask through `bus`::

        async with InProcessCluster(tmp_path, [Counter]) as cluster:
            assert await cluster.bus.ask(EntityId("counter", "a"), Add(by=2)) == 2

    `kill_host` ends a host without a farewell, `start_host` begins its next life, and
    `restart_router` cuts every link.

    Args:
        folder: Where the database lies.
        entities: Classes that the host runs.
        resources: What the host lends to turns and effects.
        store: Another store than the SQLite one.
    """

    def __init__(
        self,
        folder: Path,
        entities: Sequence[type[Entity[Any]]],
        resources: Mapping[type[Any], Any] | None = None,
        *,
        store: Store | None = None,
        clock: Clock | None = None,
        seed: int = 1,
    ) -> None:
        self.path = folder / "vareon.db"
        self.settings = Settings(data_dir=folder, database_url=f"sqlite:///{self.path}")
        self.clock = clock or SystemClock()
        self.ids = IdSource(self.clock, random.Random(seed))  # noqa: S311 - repeatable on purpose
        self.router = Router(self.clock)
        self.bus = self._new_bus("test", "front_door")
        self.host: Host | None = None
        self.fenced: list[VareonError] = []
        self._registry = Registry(entities)
        self._resources = dict(resources or {})
        self._store = store
        self._running = bytearray()
        """What of a host outlives it: see `Marks`."""
        self._reader: RowReader | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._links: set[Link] = set()

    async def __aenter__(self) -> Self:
        if self._store is None:
            migrate(self.settings.database_url)
            make_tables(self.settings.database_url)
        self._reader = RowReader(self.settings.database_url)
        await self.bus.start()
        await self.start_host()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.bus.stop()
        if self.host is not None:
            await self.host.stop()
        for serving in list(self._serving):
            serving.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        if self._reader is not None:
            await self._reader.close()

    async def start_host(self, name: str = "entity-host-0") -> Host:
        """Begin a life of the host."""
        if self._reader is None:
            raise RuntimeError("enter the cluster first")
        incarnation = self.ids.text_id()
        store = self._store or SqliteStore(self.path)
        self.host = Host(
            name,
            incarnation,
            self._registry,
            store,
            lambda host: self._new_bus(
                name,
                "host",
                incarnation,
                incoming=host.receive,
                loopback=host.loopback,
                claim=host.claim,
                link_lost=host.link_lost,
            ),
            HostServices(self.clock, self.ids, self._reader.rows, self._resources),
            self.fenced.append,
            Marks(memory=self._running),
        )
        await self.host.start()
        await self.host.bus.wait_connected(5.0)
        return self.host

    async def kill_host(self) -> None:
        """End the host as ``kill -9`` would: nothing is flushed, nobody is told."""
        if self.host is not None:
            await self.host.abandon()
            self.host = None

    async def restart_router(self) -> None:
        """Cut every link; a new router takes over."""
        self.router = Router(self.clock)
        for link in list(self._links):
            await link.hang_up()

    def _new_bus(self, name: str, role: str, incarnation: str = "", **hooks: Any) -> LinkBus:
        return LinkBus(
            self.settings,
            name,
            role,
            clock=self.clock,
            ids=self.ids,
            connect=self._dial,
            incarnation=incarnation,
            **hooks,
        )

    async def _dial(self) -> Wire:
        near, far = MemoryWire.pair()
        serving = asyncio.ensure_future(serve(self.router, far, self._links))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)
        return near
