"""What the kit says to whoever tests entities of their own."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.support.bench_entity import Bench
from vareon_runtime.errors import ConfigurationError
from vareon_runtime.testing import Simulation, break_by_plan, plan
from vareon_runtime.testing.faults import FAULTS


def test_a_scenario_that_fails_names_its_seed_and_what_had_hit() -> None:
    async def scenario(simulation: Simulation) -> None:
        await simulation.calm()
        await break_by_plan(simulation, plan(simulation.rng("faults")))
        await asyncio.sleep(1.0)
        raise AssertionError("as it should not be")

    simulation = Simulation(17, [Bench])
    with pytest.raises(AssertionError) as caught:
        simulation.run(scenario)
    (note,) = caught.value.__notes__
    assert note.startswith("Seed 17 at ")
    assert simulation.faults[0] in note


def test_faults_are_left_out_of_a_plan_by_name() -> None:
    drawn = {fault.name for fault in plan(random.Random(1), count=500)}
    left = {fault.name for fault in plan(random.Random(1), count=500, without=["move_clock"])}
    assert drawn == set(FAULTS)
    assert left == set(FAULTS) - {"move_clock"}
    with pytest.raises(ConfigurationError, match="move_clock"):
        plan(random.Random(1), without=["clock"])
