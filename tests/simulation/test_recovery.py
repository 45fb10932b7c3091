"""Single faults, planted at the moment when they hurt most."""

from __future__ import annotations

import asyncio
from typing import Any

from vareon_runtime.identity import EntityId
from vareon_runtime.placement import owner_of, shard_of
from vareon_runtime.testing.faulty_store import COMMIT_UNKNOWN, TAKE_UP_FAILS
from vareon_runtime.testing.places import HostPlace
from vareon_runtime.testing.simulation import Simulation
from vareon_runtime.testing.workload_entities import (
    ENTITIES,
    OPENED_WITH,
    Append,
    Deliver,
    Pay,
    ReadAll,
    Statement,
    World,
)


class Outside(World):
    """Notes deliveries, and tells when the first has come."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.first = asyncio.Event()
        self.note = self.keep

    def keep(self, phase: str, *, value: Any = None, **_: Any) -> None:
        if phase == "delivery":
            self.keys.append(value["key"])
            self.first.set()


def simulation(world: Outside) -> Simulation:
    return Simulation(3, ENTITIES, resources={World: world})


def living_at(place: HostPlace, kind: str) -> EntityId:
    """An entity that belongs to this host while all three are up."""
    names = ("host-0", "host-1", "host-2")
    keys = (EntityId(kind, str(number)) for number in range(1_000))
    return next(target for target in keys if owner_of(shard_of(target), names) == place.name)


def test_effects_of_a_frozen_host_go_on_though_their_rows_could_not_be_read_at_first() -> None:
    world = Outside()

    async def scenario(sim: Simulation) -> None:
        await sim.calm()
        bus = await sim.front_door()
        courier = living_at(sim.hosts[2], "courier")
        message_id = bus.ids.message_id()
        asked = asyncio.ensure_future(bus.ask(courier, Deliver(3), message_id=message_id))
        await world.first.wait()
        sim.hosts[2].process.freeze()
        for place in sim.hosts[:2]:
            sim.disk.plan(place.process.name, TAKE_UP_FAILS, 2)
        await asyncio.gather(asked, return_exceptions=True)
        assert await bus.ask(courier, Deliver(3), message_id=message_id, timeout_s=30.0) == 3
        assert len(set(world.keys)) == 3
        assert any(TAKE_UP_FAILS in fault for fault in sim.faults)

    simulation(world).run(scenario)


def test_a_send_whose_commit_was_unknown_arrives_while_its_host_lives_on() -> None:
    async def scenario(sim: Simulation) -> None:
        await sim.calm()
        bus = await sim.front_door()
        account = living_at(sim.hosts[0], "account")
        sim.disk.plan(sim.hosts[0].process.name, COMMIT_UNKNOWN, 1)
        assert await bus.ask(account, Pay("other", 10)) == OPENED_WITH - 10
        assert sim.faults
        await asyncio.sleep(1.0)
        other = await bus.ask(EntityId("account", "other"), Statement())
        assert other["balance"] == OPENED_WITH + 10

    simulation(Outside()).run(scenario)


def test_a_host_five_minutes_ahead_answers_in_time_and_one_behind_does_not_wait() -> None:
    async def scenario(sim: Simulation) -> None:
        sim.hosts[0].process.skew_s, sim.hosts[1].process.skew_s = 300.0, -300.0
        await sim.calm()
        bus = await sim.front_door()
        for place in sim.hosts:
            log = living_at(place, "log")
            assert await bus.ask(log, Append()) == 1
            assert len(await bus.ask(log, ReadAll())) == 1

    simulation(Outside()).run(scenario)


def test_hosts_that_begin_at_the_same_moment_do_not_fence_each_other() -> None:
    async def scenario(sim: Simulation) -> None:
        await sim.calm()
        assert [place.lives for place in sim.hosts] == [1, 1, 1]

    simulation(Outside()).run(scenario)
