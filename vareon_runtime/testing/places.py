"""Where simulated processes live: each dies, and begins a new life after a while, as on Ray."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from vareon_runtime.entity.context import HostServices
from vareon_runtime.entity.registry import Registry
from vareon_runtime.errors import Unavailable, VareonError
from vareon_runtime.hosting.host import Host
from vareon_runtime.hosting.suspects import Marks
from vareon_runtime.identity import EntityId, IdSource
from vareon_runtime.message import Request
from vareon_runtime.routing.client import LinkBus
from vareon_runtime.routing.link import Link, Wire
from vareon_runtime.routing.router import Router
from vareon_runtime.routing.serving import serve
from vareon_runtime.testing.faulty_store import FaultyStore
from vareon_runtime.testing.row_reading import SimulatedReader
from vareon_runtime.testing.virtual_loop import Process, SimClock

if TYPE_CHECKING:
    from vareon_runtime.testing.simulation import Simulation

R = TypeVar("R")

BACK_SOONEST_S = 0.3
BACK_LATEST_S = 3.0


class Place:
    """Holds one process at a time, and begins it again when it has ended."""

    def __init__(self, simulation: Simulation, name: str) -> None:
        self.simulation = simulation
        self.name = name
        self.lives = 0
        self.skew_s = 0.0
        self.process = Process(simulation.loop, name)
        self.process.kill()
        self._rng = random.Random(f"{simulation.seed}/{name}")  # noqa: S311 - seeded on purpose

    @property
    def up(self) -> bool:
        """Whether a process lives here that is not frozen."""
        return self.process.runs

    def begin(self) -> None:
        """A new life, beside the old one if that is only frozen."""
        self.lives += 1
        self.process = Process(self.simulation.loop, f"{self.name}.{self.lives}")
        self.process.skew_s = self.skew_s
        self._start(self.process)

    def kill(self, process: Process | None = None) -> None:
        """End it at once, as SIGKILL does; its next life begins after a while."""
        process = process or self.process
        if process.dead:
            return
        process.kill()
        simulation = self.simulation
        simulation.network.cut(process.name, lose=self._rng.random() < 0.5)
        if process is self.process:
            pause = self._rng.uniform(BACK_SOONEST_S, BACK_LATEST_S)
            simulation.loop.call_later(
                pause, self._again, process, context=simulation.outside.context
            )

    def _again(self, ended: Process) -> None:
        if self.process is ended:
            self.begin()

    def _start(self, process: Process) -> None:
        raise NotImplementedError


class RouterPlace(Place):
    """Where the router lives."""

    router: Router

    async def accept(self, near: Process) -> Wire:
        """A wire from a process to the router.

        Raises:
            ConnectionError: If the router does not live, or nothing gets through.
        """
        if self.process.dead:
            raise ConnectionRefusedError("no router listens")
        near_end, far_end = self.simulation.network.connect(near.name, self.process.name)
        links: set[Link] = set()
        self.process.spawn(serve(self.router, far_end, links))
        return near_end

    def _start(self, process: Process) -> None:
        self.router = Router(SimClock(self.simulation.loop, process), self.name)


class HostPlace(Place):
    """Where a host lives."""

    def __init__(
        self, simulation: Simulation, name: str, registry: Registry, resources: Mapping[Any, Any]
    ) -> None:
        super().__init__(simulation, name)
        self.host: Host | None = None
        self._running = bytearray()
        """What of a host outlives it: see `Marks`."""
        self._registry = registry
        self._resources = resources

    def _start(self, process: Process) -> None:
        self.host = None
        # A copy, for what is left of the last life goes on in its own.
        self._running = bytearray(self._running)
        process.spawn(self._live(process))

    async def _live(self, process: Process) -> None:
        simulation = self.simulation
        clock = SimClock(simulation.loop, process)
        rng = random.Random(f"{simulation.seed}/{process.name}")  # noqa: S311 - seeded on purpose
        ids = IdSource(clock, rng)
        incarnation = ids.text_id()
        reader = SimulatedReader(simulation.disk, process.name)
        host = Host(
            self.name,
            incarnation,
            self._registry,
            FaultyStore(simulation.disk, process.name),
            lambda host: simulation.bus(
                process,
                "host",
                ids,
                incarnation=incarnation,
                incoming=host.receive,
                loopback=host.loopback,
                claim=host.claim,
                link_lost=host.link_lost,
            ),
            HostServices(clock, ids, reader.rows, self._resources),
            lambda error: self._fenced(process, error),
            Marks(memory=self._running),
        )
        try:
            await host.start()
        except VareonError as error:
            simulation.note("host could not start", process.name, error.code)
            self.kill(process)
        else:
            self.host = host

    def _fenced(self, process: Process, error: VareonError) -> None:
        self.simulation.note("host fenced", process.name, error.code)
        self.kill(process)


class FrontDoorPlace(Place):
    """Where callers outside reach the engine. Its next life knows nothing of what was asked."""

    bus: LinkBus

    def __init__(self, simulation: Simulation, name: str, skew_s: float, *, dies: bool) -> None:
        super().__init__(simulation, name)
        self.dies = dies
        """Whether faults may kill it: whoever asks then hears `Unavailable`."""
        self.waiting = 0
        """Callers that wait for an answer now."""
        self.skew_s = skew_s
        self.gone: asyncio.Future[None] = simulation.loop.create_future()

    async def ask(self, target: EntityId, message: Request[R], **options: Any) -> R:
        """See `LinkBus.ask`.

        Raises:
            Unavailable: If the front door is not there, or dies before the answer.
        """
        return await self.held(lambda: self.bus.ask(target, message, **options))

    async def held(self, work: Callable[[], Awaitable[R]]) -> R:
        """Wait for something that this life of the front door brings.

        Raises:
            Unavailable: If it is not there, or dies meanwhile.
        """
        if self.process.dead:
            await asyncio.sleep(0.01)
            raise Unavailable("No front door listens.")
        self.waiting += 1
        gone, working = self.gone, asyncio.ensure_future(work())
        either: set[asyncio.Future[Any]] = {gone, working}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.waiting -= 1
            working.cancel()  # what has ended is not changed by it
        if gone.done():
            raise Unavailable("The front door died; whether it was done, nobody knows.")
        return working.result()

    def kill(self, process: Process | None = None) -> None:
        """End it; whoever waits hears of it."""
        super().kill(process)
        if not self.gone.done():
            self.gone.set_result(None)

    def _start(self, process: Process) -> None:
        rng = random.Random(f"{self.simulation.seed}/{process.name}")  # noqa: S311 - seeded on purpose
        ids = IdSource(SimClock(self.simulation.loop, process), rng)
        self.bus = self.simulation.bus(process, "front_door", ids)
        self.gone = self.simulation.loop.create_future()
        process.spawn(self.bus.start())
