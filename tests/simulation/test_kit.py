"""The kit runs the shipped classes, the same way every time, and fails if it proves nothing."""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import vareon_runtime.testing as kit
from vareon_runtime.errors import IdReused, Unavailable
from vareon_runtime.hosting import bootstrap as host_bootstrap
from vareon_runtime.hosting import delivery, host
from vareon_runtime.identity import EntityId
from vareon_runtime.routing import bootstrap as router_bootstrap
from vareon_runtime.routing import client, link, router, serving
from vareon_runtime.testing import faults, parts, places, seeds, simulate
from vareon_runtime.testing.seeds import Result, run_seed
from vareon_runtime.testing.simulation import Simulation
from vareon_runtime.testing.workload_entities import Append, ReadAll

SEED = 7
WRITTEN_BY_AUTHORS = {"Entity", "Event", "Message", "Request", "State"}
KIT = Path(inspect.getfile(kit)).parent
REPLAY = "from vareon_runtime.testing.seeds import run_seed; print(run_seed(7).digest)"


def test_a_seed_replays_exactly() -> None:
    first, again = run_seed(SEED), run_seed(SEED, trace=True)
    assert first.digest == again.digest
    assert first.records == again.records
    assert any("request" in line for line in again.messages)
    assert any("FAULT" in line for line in again.messages)
    assert run_seed(SEED + 1).digest != first.digest


@pytest.mark.parametrize("hash_seed", ["1", "4242"])
def test_a_seed_replays_in_a_process_with_other_hashes(hash_seed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REPLAY],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == run_seed(SEED).digest


def test_a_failing_seed_is_told_with_its_replay(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(seed: int, *, trace: bool = False) -> Result:
        result = run_seed(seed, trace=trace)
        result.problems.append("C1 a promise was broken")
        return result

    monkeypatch.setattr(simulate, "run_seed", broken)
    assert simulate.main(["--seeds", "1", "--first", str(SEED), "--processes", "1"]) == 1
    told = capsys.readouterr().out
    assert "C1 a promise was broken" in told
    assert f"--replay {SEED}" in told
    assert simulate.main(["--replay", str(SEED)]) == 1
    replayed = capsys.readouterr().out
    assert "request" in replayed
    assert "C1 a promise was broken" in replayed


@pytest.mark.parametrize("part", parts.PARTS)
def test_every_part_takes_part_as_often_as_the_others(part: type[parts.Part]) -> None:
    seeds_of = [seed for seed in range(len(parts.PARTS)) if part in parts.taking_part(seed)]
    assert len(seeds_of) == parts.EACH


@pytest.mark.parametrize("seed", range(len(parts.PARTS)))
def test_the_parts_of_a_seed_have_their_operations_acknowledged(seed: int) -> None:
    result = run_seed(seed)
    acknowledged = {r.kind for r in result.records if r.phase == "ok"}
    asked = {r.kind for r in result.records if r.phase == "invoke"}
    assert asked - {"poison"} == acknowledged
    assert not result.problems


def test_whoever_asks_a_front_door_that_dies_hears_of_it_and_gets_the_first_outcome() -> None:
    async def scenario(sim: Simulation) -> None:
        door = sim.open_door(dies=True)
        assert await sim.calm()
        message_id = door.bus.ids.message_id()
        ask = partial(door.ask, EntityId("log", "a"), Append(), message_id=message_id)
        asking = asyncio.ensure_future(ask(fingerprint=b"one body"))
        await asyncio.sleep(0.0001)
        door.kill()
        with pytest.raises(Unavailable):
            await asking
        with pytest.raises(Unavailable):
            await ask()
        assert await sim.calm()
        assert door.lives == 2
        assert await ask(fingerprint=b"one body") == 1
        with pytest.raises(IdReused):
            await ask(fingerprint=b"another!")
        assert len(await door.ask(EntityId("log", "a"), ReadAll())) == 1

    Simulation(1, seeds.ENTITIES).run(scenario)


def test_a_wire_keeps_the_order_of_what_is_sent_at_once() -> None:
    async def scenario(sim: Simulation) -> list[bytes | None]:
        near, far = sim.network.connect("one", "other")
        sent = [bytes([number]) for number in range(50)]
        for batch in sent:
            await near.send(batch)
        return [await far.receive() for _ in sent]

    assert Simulation(1, []).run(scenario) == [bytes([number]) for number in range(50)]


def test_a_seed_without_faults_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: Any) -> None: ...

    monkeypatch.setattr(seeds, "break_by_plan", nothing)
    assert run_seed(SEED).problems == ["vacuous: 0 faults, not 5"]


def test_a_seed_with_few_operations_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeds, "OPERATIONS_EACH", 5)
    assert any("operations, not 200" in problem for problem in run_seed(SEED).problems)


@pytest.mark.parametrize("name", list(faults.FAULTS))
def test_every_fault_lands_and_is_survived(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Shards are taken up only from hosts that stand still.
    names = {name, "freeze_host"} if name == "take_up_fails" else {name}
    monkeypatch.setattr(faults, "FAULTS", {n: faults.FAULTS[n] for n in sorted(names)})
    result = run_seed(SEED)
    assert not result.problems
    assert sum(fault.startswith(name + " ") for fault in result.faults) >= 1


def test_the_simulated_classes_are_the_ones_that_run() -> None:
    assert places.Host is host_bootstrap.Host is host.Host
    assert places.LinkBus is host_bootstrap.LinkBus is client.LinkBus
    assert places.Router is router_bootstrap.Router is router.Router
    assert places.serve is router_bootstrap.serve is serving.serve
    simulation = Simulation(1, seeds.ENTITIES)

    async def look(running: Simulation) -> None:
        await running.calm()
        for place in running.hosts:
            assert type(place.host) is host.Host
            assert type(place.host.bus) is client.LinkBus
        assert type(running.router.router) is router.Router

    simulation.run(look)


def test_the_kit_has_no_second_implementation() -> None:
    engine = {
        name
        for module in (host, delivery, client, link, router, *_modules_of("hosting", "routing"))
        for name, thing in vars(module).items()
        if inspect.isclass(thing) and thing.__module__.startswith("vareon_runtime.")
    }
    for path in KIT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                assert node.name not in engine, f"{path.name} has a {node.name} of its own"
                bases = {ast.unparse(base) for base in node.bases}
                assert not bases & engine - WRITTEN_BY_AUTHORS, path.name
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("setattr", "patch"):
                pytest.fail(f"{path.name} changes a class while it runs")


def _modules_of(*folders: str) -> list[Any]:
    prefixes = tuple(f"vareon_runtime.{folder}." for folder in folders)
    return [sys.modules[name] for name in sorted(sys.modules) if name.startswith(prefixes)]
