"""Puts a host together from the real parts."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vareon_runtime.clock import SystemClock
from vareon_runtime.collector import relax_collector
from vareon_runtime.config import Settings
from vareon_runtime.entity.context import HostServices
from vareon_runtime.entity.registry import Registry
from vareon_runtime.errors import ConfigurationError, VareonError
from vareon_runtime.hosting.host import Host
from vareon_runtime.hosting.retention import Kept
from vareon_runtime.hosting.suspects import Marks
from vareon_runtime.hosting.watchdog import Watchdog
from vareon_runtime.identity import seeded_ids
from vareon_runtime.routing.client import LinkBus
from vareon_runtime.storage.reader import RowReader
from vareon_runtime.storage.sqlite import SqliteStore
from vareon_runtime.telemetry import failure

SWITCH_INTERVAL_S = 0.000_2
"""How soon the committing thread gets the interpreter back from a busy loop; Python's own 5 ms
would be paid at every SQLite step."""

Closer = Callable[[], Awaitable[None]]


class HostService:
    """A host with what it was lent, as one service."""

    def __init__(
        self,
        host: Host,
        reader: RowReader,
        closers: Sequence[Closer],
        watchdog: Watchdog | None = None,
    ) -> None:
        self.host = host
        self._reader = reader
        self._closers = closers
        self._watchdog = watchdog

    async def start(self) -> None:
        """Start the host."""
        if self._watchdog is not None:
            self._watchdog.start()
        await self.host.start()

    async def stop(self) -> None:
        """Stop the host, then give back what it was lent."""
        await self.host.stop()
        if self._watchdog is not None:
            self._watchdog.stop()
        for close in self._closers:
            await close()
        await self._reader.close()

    def status(self) -> dict[str, Any]:
        """The host's counters."""
        return self.host.status()


async def build(
    settings: Settings,
    name: str,
    registry: Registry,
    resources: Mapping[type[Any], Any],
    closers: Sequence[Closer] = (),
) -> HostService:
    """A host on the settings' database and router.

    Raises:
        ConfigurationError: If the database URL is of a kind this cannot write.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    relax_collector()
    clock = SystemClock()
    ids = seeded_ids(clock)
    incarnation = ids.text_id()
    reader = RowReader(settings.database_url)
    host = Host(
        name,
        incarnation,
        registry,
        SqliteStore(sqlite_path(settings.database_url)),
        lambda host: LinkBus(
            settings,
            name,
            "host",
            clock=clock,
            ids=ids,
            incarnation=incarnation,
            incoming=host.receive,
            loopback=host.loopback,
            claim=host.claim,
            link_lost=host.link_lost,
        ),
        HostServices(clock, ids, reader.rows, resources),
        _fenced,
        Marks(settings.run_dir / f"{name}.running"),
        Kept(settings.inbox_hours * 3600.0, settings.dead_letter_days * 24 * 3600.0),
    )
    # Only a host in a process of its own may be ended by its watchdog.
    watchdog = Watchdog(name, host.marks.running) if settings.instance else None
    return HostService(host, reader, closers, watchdog)


def sqlite_path(database_url: str) -> Path:
    """The file of a ``sqlite:///`` URL.

    Raises:
        ConfigurationError: If it is of another kind.
    """
    prefix = "sqlite:///"
    if not database_url.startswith(prefix):
        raise ConfigurationError(
            "This version writes SQLite only; set VAREON_DATABASE_URL=sqlite:////path/vareon.db."
        )
    return Path(database_url.removeprefix(prefix))


def _fenced(error: VareonError) -> None:
    """Another life of this host has taken over: this one must not go on."""
    failure("host_fenced", error)
    os._exit(75)
