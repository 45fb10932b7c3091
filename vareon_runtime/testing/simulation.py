"""A whole cluster in one thread on virtual time: the very classes that run in Ray, and a seed.

Several hosts share one database and take shards from each other by lease; a router dispatches
between them and the front doors. Everything that could differ from run to run, time, randomness,
threads, links and the store, comes from the seed.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from vareon_runtime.config import Settings
from vareon_runtime.entity.base import Entity
from vareon_runtime.entity.registry import Registry
from vareon_runtime.envelope import Kind, hops, unpack_request
from vareon_runtime.identity import SHARDS, EntityId, IdSource
from vareon_runtime.placement import owner_of
from vareon_runtime.routing.client import LinkBus
from vareon_runtime.testing.faulty_store import Disk
from vareon_runtime.testing.history import Record
from vareon_runtime.testing.network import Network
from vareon_runtime.testing.places import FrontDoorPlace, HostPlace, RouterPlace
from vareon_runtime.testing.virtual_loop import Process, SimClock, VirtualLoop

T = TypeVar("T")

_SETTINGS = Settings(data_dir=Path("/nowhere"), database_url="sqlite:////nowhere/vareon.db")
_KINDS = {kind.value: kind.name.lower() for kind in Kind}


class Simulation:
    """Runs a scenario on a cluster of its own.

    Args:
        seed: Decides everything that is left to chance.
        entities: Classes that every host runs.
        hosts: How many.
        resources: What hosts lend to turns and effects.
        trace: Whether to keep the history of messages, in `messages`.
    """

    def __init__(
        self,
        seed: int,
        entities: Sequence[type[Entity[Any]]],
        *,
        hosts: int = 3,
        resources: Mapping[type[Any], Any] | None = None,
        trace: bool = False,
    ) -> None:
        self.seed = seed
        self.loop = VirtualLoop(self.rng("threads"))
        self.outside = Process(self.loop, "outside")
        self.network = Network(self.loop, self.rng("network"))
        self.disk = Disk(self._wrote, self.landed)
        self.records: list[Record] = []
        self.messages: list[str] = []
        self.faults: list[str] = []
        """What was broken, in order."""
        self.router = RouterPlace(self, "router")
        registry = Registry(entities)
        self.hosts = [
            HostPlace(self, f"host-{number}", registry, resources or {}) for number in range(hosts)
        ]
        self.front_doors: list[FrontDoorPlace] = []
        self._trace = trace
        self._last_ns = 0
        if trace:
            self.network.heard = self._heard
        self.loop.set_exception_handler(self._crashed)

    def run(self, scenario: Callable[[Simulation], Awaitable[T]]) -> T:
        """Start the cluster, run a scenario on it, and end everything.

        Whatever the scenario raises carries a note with the seed and the faults that had hit.
        """
        listening = _Listening(self)
        log = logging.getLogger("vareon")
        before = (log.handlers[:], log.level, log.propagate)
        log.handlers[:], log.propagate = [listening], False
        log.setLevel(logging.INFO if self._trace else logging.ERROR)
        collects = gc.isenabled()
        gc.disable()  # what dead processes leave is ended below, not at a moment of its choosing
        try:
            self.router.begin()
            for place in self.hosts:
                place.begin()
            task = self.outside.spawn(_as_coroutine(scenario(self)))
            return self.loop.run_until_complete(task)
        except Exception as error:
            error.add_note(
                f"Seed {self.seed} at {self.loop.time():.1f} s of simulated time, after: "
                f"{', '.join(self.faults) or 'no fault'}."
            )
            raise
        finally:
            self.loop.close_all()
            if collects:
                gc.enable()
            log.handlers[:], log.propagate = before[0], before[2]
            log.setLevel(before[1])

    async def front_door(self, *, skew_s: float = 0.0) -> LinkBus:
        """A new way in from outside; its bus is used like that of a real front door."""
        return self.open_door(skew_s=skew_s).bus

    def open_door(self, *, skew_s: float = 0.0, dies: bool = False) -> FrontDoorPlace:
        """The same; its callers ask through the place, if it is one that may be killed."""
        place = FrontDoorPlace(self, f"door-{len(self.front_doors)}", skew_s, dies=dies)
        self.front_doors.append(place)
        place.begin()
        return place

    def rng(self, purpose: str) -> random.Random:
        """Randomness of its own for a purpose, from the seed."""
        return random.Random(f"{self.seed}/{purpose}")  # noqa: S311 - seeded on purpose

    def bus(self, process: Process, role: str, ids: IdSource, **hooks: Any) -> LinkBus:
        """The bus of a process, over a simulated wire."""
        return LinkBus(
            _SETTINGS,
            process.name,
            role,
            clock=SimClock(self.loop, process),
            ids=ids,
            connect=lambda: self.router.accept(process),
            **hooks,
        )

    def record(self, phase: str, **fields: Any) -> None:
        """Add to the history; the times of any two records differ."""
        self._last_ns = max(self._last_ns + 1, int(self.loop.time() * 1e9))
        self.records.append(Record(phase, self._last_ns, **fields))

    def landed(self, where: str, fault: str) -> None:
        """A fault has hit something."""
        self.faults.append(f"{fault} {where}")
        self.record("fault", value=f"{fault} {where}")
        self.note("FAULT", where, fault)

    def note(self, *words: object) -> None:
        """Add to the history of messages."""
        if self._trace:
            self.messages.append(f"{self.loop.time():11.6f} {' '.join(map(str, words))}")

    def digest(self) -> str:
        """Names everything that was seen: equal for equal runs."""
        seen = hashlib.sha256()
        for record in self.records:
            seen.update(record.line().encode())
        return seen.hexdigest()

    async def calm(self, within_s: float = 60.0) -> bool:
        """End every fault and wait until all hosts work; whether they do within so long."""
        self.disk.heal()
        self.network.heal()
        for process in (place.process for place in [self.router, *self.hosts, *self.front_doors]):
            process.slow_s = 0.0
            process.thaw()
        ends = self.loop.time() + within_s
        while self.loop.time() < ends:
            if self._settled():
                return True
            await asyncio.sleep(0.1)
        return False

    def _settled(self) -> bool:
        """Whether every host works, and owns what is its own by the rule."""
        names = tuple(sorted(place.name for place in self.hosts))
        for place in self.hosts:
            host = place.host
            if host is None or not (place.up and host.bus.connected and host.ownership.holds):
                return False
            due = {shard for shard in range(SHARDS) if owner_of(shard, names) == place.name}
            if host.ownership.shards != due or host.ownership.leaving:
                return False
        return all(door.up and door.bus.connected for door in self.front_doors)

    def _wrote(self, target: EntityId, epoch: int, granted: int) -> None:
        self.record("commit", entity=str(target), value={"epoch": epoch, "granted": granted})

    def _crashed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.record("error", value=f"{context['message']}: {error!r}")

    def _heard(self, source: str, target: str, batch: bytes) -> None:
        for hop in hops(batch):
            words: list[object] = [source, "->", target, _KINDS.get(hop.kind, hop.kind)]
            words.append(f"#{hop.correlation}")
            if hop.kind == Kind.REQUEST:
                request = unpack_request(batch[hop.start : hop.end])
                words += [request.target, request.name, request.message_id.hex()]
            self.note(*words)


class _Listening(logging.Handler):
    """Takes the engine's log lines into the history; what was not foreseen is an error there."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__()
        self._simulation = simulation

    def emit(self, record: logging.LogRecord) -> None:
        """Note one line."""
        ids = getattr(record, "ids", {})
        error = record.exc_info[1] if record.exc_info else None
        self._simulation.note("log", record.getMessage(), ids, repr(error) if error else "")
        if error is not None and not _foreseen(error):
            self._simulation.record(
                "error", value=f"{record.getMessage()}: {error!r}", entity=ids.get("entity", "")
            )


def _foreseen(error: BaseException) -> bool:
    return bool(getattr(error, "code", "internal") != "internal")


async def _as_coroutine(work: Awaitable[T]) -> T:
    return await work
