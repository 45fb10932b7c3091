"""One seed: a cluster, a workload, a plan of faults, and the checker's word on it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from vareon_runtime.errors import VareonError
from vareon_runtime.testing.checker import Judgement, judge
from vareon_runtime.testing.faults import SKEW_S, break_by_plan, plan
from vareon_runtime.testing.history import Record
from vareon_runtime.testing.parts import PARTS, Part, taking_part
from vareon_runtime.testing.simulation import Simulation
from vareon_runtime.testing.virtual_loop import current_process
from vareon_runtime.testing.workload import Client, note_finals
from vareon_runtime.testing.workload_entities import ENTITIES, World

EVERY_KIND = [*ENTITIES, *(kind for part in PARTS for kind in part.entities)]
CLIENTS = 8
OPERATIONS_EACH = 25
FAULTS = 9
LEAST_HOSTS = 3
LEAST_ENTITIES = 20
LEAST_OPERATIONS = 200
LEAST_FAULTS = 5


@dataclass(slots=True)
class Result:
    """What came of a seed.

    Attributes:
        problems: Why it does not count or what was broken; empty if all is well.
        digest: Names the history.
    """

    seed: int
    problems: list[str]
    digest: str
    judgement: Judgement
    lasted_s: float
    faults: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)


def run_seed(seed: int, *, trace: bool = False) -> Result:
    """Run one seed and judge it."""
    world = World()
    simulation = Simulation(
        seed, EVERY_KIND, hosts=LEAST_HOSTS + seed % 2, resources={World: world}, trace=trace
    )
    world.note = simulation.record
    world.end_host = partial(_end_host, simulation)
    problems: list[str] = []
    try:
        problems += simulation.run(_scenario)
    except RuntimeError as error:
        problems.append(f"it stood still: {error}")
    judgement = judge(simulation.records)
    problems += [str(violation) for violation in judgement.violations]
    problems += _vacuous(simulation, judgement)
    return Result(
        seed,
        problems,
        simulation.digest(),
        judgement,
        simulation.loop.time(),
        simulation.faults,
        simulation.messages,
        simulation.records,
    )


async def _scenario(simulation: Simulation) -> list[str]:
    skews = simulation.rng("skews")
    for place in simulation.hosts:
        place.skew_s = skews.choice([0.0, 0.0, skews.uniform(-SKEW_S, SKEW_S)])
        place.process.skew_s = place.skew_s
    await simulation.calm()
    doors = [
        simulation.open_door(skew_s=skew_s, dies=True) for skew_s in (0.0, skews.uniform(-2, 2))
    ]
    clients = [Client(simulation, f"client-{number}", doors) for number in range(CLIENTS)]
    parts = [
        part(Client(simulation, part.__name__, doors)) for part in taking_part(simulation.seed)
    ]
    await asyncio.gather(*(part.prepare() for part in parts))
    faults = plan(simulation.rng("faults"), count=FAULTS)
    await asyncio.gather(
        break_by_plan(simulation, faults, LEAST_FAULTS),
        *(client.work(OPERATIONS_EACH) for client in clients),
        *(part.work() for part in parts),
    )
    if not await simulation.calm():
        return ["the cluster did not come to rest after its faults"]
    await asyncio.gather(*(client.settle() for client in [*clients, *_clients(parts)]))
    try:
        await note_finals(simulation, doors[0])
        for part in parts:
            await part.finish()
    except VareonError as error:
        return [f"an entity is stuck: {error.code} {error.detail}"]
    return []


def _end_host(simulation: Simulation, op: str) -> None:
    process = current_process()
    for place in simulation.hosts:
        if process is not None and process.name.startswith(f"{place.name}."):
            replaced = place.process is not process
            simulation.record("killed", op=op, value={"host": place.name, "replaced": replaced})
            place.kill(process)


def _clients(parts: Sequence[Part]) -> list[Client]:
    return [part.client for part in parts]


def _vacuous(simulation: Simulation, judgement: Judgement) -> list[str]:
    entities = len({r.entity for r in simulation.records if r.phase == "invoke"})
    found = [
        ("hosts", len(simulation.hosts), LEAST_HOSTS),
        ("entities", entities, LEAST_ENTITIES),
        ("operations", judgement.operations, LEAST_OPERATIONS),
        ("faults", len(simulation.faults), LEAST_FAULTS),
    ]
    return [f"vacuous: {has} {what}, not {least}" for what, has, least in found if has < least]
