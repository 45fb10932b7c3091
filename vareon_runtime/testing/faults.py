"""What is broken, when and for how long: a plan drawn from the seed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection
from typing import NamedTuple

from vareon_runtime.errors import ConfigurationError
from vareon_runtime.testing.faulty_store import (
    COMMIT_FAILS,
    COMMIT_UNKNOWN,
    LOAD_FAILS,
    TAKE_UP_FAILS,
)
from vareon_runtime.testing.places import HostPlace
from vareon_runtime.testing.simulation import Simulation
from vareon_runtime.testing.virtual_loop import Process

SKEW_S = 300.0
"""The most by which a wall clock is off: no two differ by more than an id from outside may be
ahead, which `vareon_runtime.age` says."""


class Fault(NamedTuple):
    """One thing to break.

    Attributes:
        at_s: When, in virtual seconds after the plan begins.
        name: A key of `FAULTS`.
        which: Chooses the host or front door, modulo their number.
        lasts_s: How long, for what lasts.
        coin: Decides what may go either way.
    """

    at_s: float
    name: str
    which: int
    lasts_s: float
    coin: float


def plan(
    rng: random.Random,
    *,
    count: int = 9,
    within_s: float = 8.0,
    without: Collection[str] = (),
) -> list[Fault]:
    """So many faults, somewhere in so many seconds.

    Args:
        rng: Chooses; `Simulation.rng` gives one that follows from the seed.
        count: How many.
        within_s: Virtual seconds within which all of them begin.
        without: Faults to leave out, keys of `FAULTS`.

    Raises:
        ConfigurationError: If there is no fault of such a name.
    """
    for name in without:
        if name not in FAULTS:
            raise ConfigurationError(f"There is no fault '{name}': give {', '.join(FAULTS)}.")
    some = {name: weight for name, (weight, _) in FAULTS.items() if name not in without}
    names = rng.choices(list(some), weights=list(some.values()), k=count)
    return sorted(
        Fault(
            rng.uniform(0.2, within_s),
            name,
            rng.randrange(1_000),
            rng.choice([rng.uniform(0.05, 1.5), rng.uniform(5.5, 9.0)]),
            rng.random(),
        )
        for name in names
    )


async def break_by_plan(simulation: Simulation, faults: list[Fault], least: int = 0) -> None:
    """Break everything in a plan; returns when the last of it is over.

    What finds nothing to break, such as a host where all are down, breaks nothing: hosts are killed
    at the end until at least so many faults have hit.
    """
    began = simulation.loop.time()
    under_way: list[asyncio.Task[None]] = []
    for fault in faults:
        await asyncio.sleep(max(0.0, began + fault.at_s - simulation.loop.time()))
        _, act = FAULTS[fault.name]
        under_way.append(asyncio.ensure_future(_act(act, simulation, fault)))
    await asyncio.gather(*under_way)
    while len(simulation.faults) < least:
        await asyncio.sleep(0.2)
        await _kill_host(simulation, Fault(0.0, "kill_host", 0, 0.0, 0.0))


async def _act(
    act: Callable[[Simulation, Fault], Awaitable[None]], simulation: Simulation, fault: Fault
) -> None:
    await act(simulation, fault)


def _host(simulation: Simulation, fault: Fault) -> HostPlace | None:
    """A host that lives and works, if any does."""
    up = [place for place in simulation.hosts if place.up and place.host is not None]
    return up[fault.which % len(up)] if up else None


def _callers(simulation: Simulation) -> list[Process]:
    """Everything that has a link to the router."""
    hosts = [place.process for place in simulation.hosts]
    return hosts + [place.process for place in simulation.front_doors]


async def _kill_host(simulation: Simulation, fault: Fault) -> None:
    place = _host(simulation, fault)
    if place is not None:
        simulation.landed(place.process.name, fault.name)
        place.kill()


async def _kill_everything(simulation: Simulation, fault: Fault) -> None:
    simulation.landed("all", fault.name)
    for place in [simulation.router, *simulation.hosts]:
        place.kill()


async def _kill_router(simulation: Simulation, fault: Fault) -> None:
    if simulation.router.up:
        simulation.landed(simulation.router.process.name, fault.name)
        simulation.router.kill()


async def _kill_front_door(simulation: Simulation, fault: Fault) -> None:
    """While somebody waits for its answer, if anybody does within half a second."""
    doors = [door for door in simulation.front_doors if door.dies and door.up]
    if not doors:
        return
    door = doors[fault.which % len(doors)]
    process = door.process
    for _ in range(500):
        if door.waiting:
            break
        await asyncio.sleep(0.001)
    if not process.dead:
        simulation.landed(process.name, fault.name)
        door.kill(process)


async def _until_busy(place: HostPlace) -> None:
    """Until the host has turns that are not committed, or half a second."""
    for _ in range(500):
        host = place.host
        if host is not None and any(activation.uncommitted for activation in host.catalog):
            return
        await asyncio.sleep(0.001)


async def _freeze_router(simulation: Simulation, fault: Fault) -> None:
    """A router that stands still is killed by whoever watches over it."""
    process = simulation.router.process
    if process.runs:
        simulation.landed(process.name, fault.name)
        process.freeze()
        await asyncio.sleep(min(fault.lasts_s, 5.0))
        simulation.router.kill(process)


async def _freeze_host(simulation: Simulation, fault: Fault) -> None:
    place = _host(simulation, fault)
    if place is not None:
        process = place.process
        await _until_busy(place)
        simulation.landed(process.name, fault.name)
        process.freeze()
        await asyncio.sleep(fault.lasts_s)
        simulation.note("thaw", process.name)
        process.thaw()


async def _replace_frozen_host(simulation: Simulation, fault: Fault) -> None:
    """Its next life begins while the frozen one is only believed dead; then that one thaws."""
    place = _host(simulation, fault)
    if place is not None:
        process = place.process
        await _until_busy(place)
        simulation.landed(process.name, fault.name)
        process.freeze()
        await asyncio.sleep(min(fault.lasts_s, 1.0))
        if place.process is process and not process.dead:
            place.begin()
        await asyncio.sleep(fault.lasts_s)
        simulation.note("thaw", process.name)
        process.thaw()


async def _cut_link(simulation: Simulation, fault: Fault) -> None:
    names = [process.name for process in _callers(simulation) if process.runs]
    name = names[fault.which % len(names)]
    if simulation.network.connected(name):
        simulation.landed(name, fault.name)
        simulation.network.cut(name, lose=fault.coin < 0.5)


async def _partition(simulation: Simulation, fault: Fault) -> None:
    """Between a host or front door and the router, in one direction or both."""
    processes = _callers(simulation)
    name = processes[fault.which % len(processes)].name
    router = simulation.router.process.name
    if not simulation.network.connected(name):
        return
    ways = [(name, router), (router, name)]
    ways = [ways[:1], ways[1:], ways][int(fault.coin * 3)]
    simulation.landed(name, fault.name)
    for source, target in ways:
        simulation.network.block(source, target)
    await asyncio.sleep(fault.lasts_s)
    for source, target in ways:
        simulation.network.unblock(source, target, reset=fault.which % 2 == 0)


async def _lose_database(simulation: Simulation, fault: Fault) -> None:
    place = _host(simulation, fault)
    if place is not None:
        name = place.process.name
        simulation.landed(name, fault.name)
        simulation.disk.cut_off.add(name)
        await asyncio.sleep(fault.lasts_s)
        simulation.disk.cut_off.discard(name)


async def _slow_disk(simulation: Simulation, fault: Fault) -> None:
    place = _host(simulation, fault)
    if place is not None:
        process = place.process
        simulation.landed(process.name, fault.name)
        process.slow_s = 0.02 + fault.coin * 0.4
        await asyncio.sleep(min(fault.lasts_s, 3.0))
        process.slow_s = 0.0


async def _bad_call(simulation: Simulation, fault: Fault) -> None:
    place = _host(simulation, fault)
    if place is not None:
        simulation.disk.plan(place.process.name, fault.name, 1 + fault.which % 3)


async def _bad_take_up(simulation: Simulation, fault: Fault) -> None:
    """Whoever takes shards over next cannot read what waits in them."""
    for place in simulation.hosts:
        if place.up:
            simulation.disk.plan(place.process.name, fault.name, 1 + fault.which % 2)


async def _move_clock(simulation: Simulation, fault: Fault) -> None:
    processes = _callers(simulation)
    process = processes[fault.which % len(processes)]
    simulation.landed(process.name, fault.name)
    process.skew_s = (fault.coin * 2 - 1) * SKEW_S


FAULTS: dict[str, tuple[int, Callable[[Simulation, Fault], Awaitable[None]]]] = {
    "kill_host": (6, _kill_host),
    "kill_everything": (1, _kill_everything),
    "kill_router": (3, _kill_router),
    "kill_front_door": (4, _kill_front_door),
    "freeze_router": (1, _freeze_router),
    "freeze_host": (5, _freeze_host),
    "replace_frozen_host": (3, _replace_frozen_host),
    "cut_link": (4, _cut_link),
    "partition": (4, _partition),
    "lose_database": (3, _lose_database),
    "slow_disk": (2, _slow_disk),
    COMMIT_FAILS: (4, _bad_call),
    COMMIT_UNKNOWN: (5, _bad_call),
    LOAD_FAILS: (2, _bad_call),
    TAKE_UP_FAILS: (3, _bad_take_up),
    "move_clock": (2, _move_clock),
}
"""How often each comes, relative to the others, and what it does."""
