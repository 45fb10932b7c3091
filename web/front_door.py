"""The front door's life: take the port, answer "starting", open, serve, leave politely."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

from aiohttp import web as aiohttp_web

from vareon_runtime.telemetry import event, failure
from web.connection import Runner
from web.lasting import Lasting
from web.parent import ParentLine
from web.services.readiness import Readiness
from web.sockets.open_sockets import OpenSockets

BACKLOG = 1024
KEEP_ALIVE_S = 75.0
FAREWELL_S = 2.0
DRAIN_S = 2.0


class Bus(Protocol):
    """The part of the bus that has a life of its own."""

    @property
    def connected(self) -> bool:
        """Whether there is a link to the router."""
        ...

    async def start(self) -> None:
        """Begin to connect."""
        ...

    async def stop(self) -> None:
        """Hang up."""
        ...


class FrontDoor:
    """A `Service`: everything that this process runs.

    Args:
        name: Its name in the cluster.
        app: What answers requests.
        bus: The way to the entities.
        parent: Lends the port.
        readiness: Opened when the start is over.
        sockets: Closed first when leaving.
        prepare: Waits for the host and makes the administrator; tells whether it was made.
        look_around: Finds models; tells what it found.
        close: Gives back whatever else was opened.
        keep_up: Watches how busy this process is, until cancelled.
        tls: What to serve HTTPS with.
        lasting: What goes on though its client has hung up; waited for when leaving.
    """

    def __init__(
        self,
        name: str,
        app: aiohttp_web.Application,
        bus: Bus,
        parent: ParentLine,
        readiness: Readiness,
        sockets: OpenSockets,
        prepare: Callable[[], Awaitable[bool]],
        look_around: Callable[[], Awaitable[list[dict[str, Any]]]],
        close: Callable[[], Awaitable[None]],
        keep_up: Callable[[], Coroutine[None, None, None]],
        tls: ssl.SSLContext | None,
        lasting: Lasting,
    ) -> None:
        self._name = name
        self._bus = bus
        self._parent = parent
        self._readiness = readiness
        self._sockets = sockets
        self._prepare = prepare
        self._look_around = look_around
        self._close = close
        self._keep_up = keep_up
        self._tls = tls
        self._lasting = lasting
        self._runner = Runner(
            app,
            access_log=None,
            handle_signals=False,
            # Nobody waits for the answer to a client that has hung up; see `Lasting`.
            handler_cancellation=True,
            # A few bytes may unpack to gigabytes; bodies are read as they come or not at all.
            auto_decompress=False,
            keepalive_timeout=KEEP_ALIVE_S,
            shutdown_timeout=DRAIN_S,
        )
        self._site: aiohttp_web.SockSite | None = None
        self._serving = asyncio.Event()
        self._opening: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._leaving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serve the lent port; the gate opens by itself once the host is reached."""
        await self._bus.start()
        self._opening = asyncio.get_running_loop().create_task(self._open())
        self._watching = asyncio.get_running_loop().create_task(self._keep_up())
        await self._runner.setup()
        port = await self._parent.take_port(self._parent_lost)
        self._site = aiohttp_web.SockSite(
            self._runner, port, backlog=BACKLOG, ssl_context=self._tls
        )
        await self._site.start()
        self._serving.set()
        event("front_door_serving", service=self._name)

    async def stop(self) -> None:
        """Take no new work, let what runs finish for a moment, then hang up."""
        for running in (self._opening, self._watching):
            if running is not None:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
        if self._site is not None:
            with contextlib.suppress(RuntimeError):
                await self._site.stop()
        await self._sockets.close_all(FAREWELL_S)
        await asyncio.gather(self._runner.cleanup(), self._lasting.finish(DRAIN_S))
        await self._lasting.finish(0.0)  # what began meanwhile
        self._parent.close()
        await self._bus.stop()
        await self._close()
        event("front_door_stopped", service=self._name)

    def status(self) -> dict[str, Any]:
        """Counters and states for dashboards."""
        return {
            "name": self._name,
            "ready": self._readiness.open,
            "connected": self._bus.connected,
            "sockets": self._sockets.count,
        }

    async def _open(self) -> None:
        try:
            created = await self._prepare()
            await self._readiness.wait_good()
            await self._serving.wait()
            self._readiness.open = True
            await self._parent.say(event="ready", admin_created=created)
            event("front_door_ready", service=self._name)
            found = await self._look_around()
            await self._parent.say(event="models", found=found)
        except Exception as error:  # noqa: BLE001  # a background task's end must not be silent
            failure("front_door_start_failed", error, service=self._name)

    def _parent_lost(self) -> None:
        event("parent_lost", service=self._name)
        if self._site is not None and self._leaving is None:
            self._leaving = asyncio.get_running_loop().create_task(self._site.stop())
