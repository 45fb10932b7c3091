"""The examples in docs/engine.md run as they stand there."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.clocks import ManualClock, without_threads
from vareon_runtime.entity import Base
from vareon_runtime.errors import Conflict
from vareon_runtime.identity import EntityId
from vareon_runtime.testing import InProcessCluster

GUIDE = Path(__file__).parents[3] / "docs" / "engine.md"
_BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
EXAMPLES = _BLOCK.findall(GUIDE.read_text(encoding="utf-8"))


def example(holding: str) -> str:
    """The one example that holds a text."""
    (found,) = (source for source in EXAMPLES if holding in source)
    return str(found)


def imported(name: str, source: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An example as a module of its own."""
    module = ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    exec(compile(source, str(GUIDE), "exec"), module.__dict__)
    return module


def test_every_example_is_run_here() -> None:
    """Each python block holds one of the marks by which the tests below find theirs."""
    marks = re.findall(r'example\("([^"]+)"\)', Path(__file__).read_text(encoding="utf-8"))
    for source in EXAMPLES:
        assert any(mark in source for mark in marks), source


def test_the_walk_of_ten_minutes(tmp_path: Path) -> None:
    """The files it tells to write, and the command that it tests them with."""
    own = tmp_path / "my"
    own.mkdir()
    (own / "__init__.py").touch()
    (own / "entities.py").write_text(example("class Door("), encoding="utf-8")
    (own / "test_door.py").write_text(example("def test_a_door_opens_once"), encoding="utf-8")
    (own / "test_doors.py").write_text(example("def test_an_opened_door"), encoding="utf-8")
    shutil.copy(GUIDE.parents[1] / "pyproject.toml", tmp_path)
    assert "\n   pytest my\n" in GUIDE.read_text(encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "my"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(GUIDE.parents[1])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr


async def test_the_door_and_its_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    imported("my", "", monkeypatch)
    imported("my.entities", example("class Door("), monkeypatch)
    test = imported("my.test_door", example("def test_a_door_opens_once"), monkeypatch)
    await test.test_a_door_opens_once(tmp_path)


def test_the_doors_under_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    imported("my", "", monkeypatch)
    imported("my.entities", example("class Door("), monkeypatch)
    test = imported("my.test_doors", example("def test_an_opened_door_stays"), monkeypatch)
    test.test_an_opened_door_stays_open()


async def test_the_guest_book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = imported("my_book", example("class EntryRow("), monkeypatch)
    visitors = EntityId("guest_book", "visitors")
    try:
        async with InProcessCluster(tmp_path, [book.GuestBook]) as cluster:
            for number in range(1, 23):
                assert await cluster.bus.ask(visitors, book.Sign(f"number {number}")) == number
            await cluster.kill_host()
            await cluster.start_host()
            newest = await cluster.bus.ask(visitors, book.GetNewest())
            assert newest == [f"number {number}" for number in range(22, 2, -1)]
    finally:
        Base.metadata.remove(book.EntryRow.__table__)


async def test_the_accounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bank = imported("my_bank", example("class Account("), monkeypatch)

    async with InProcessCluster(tmp_path, [bank.Account]) as cluster:
        one, other = EntityId("account", "one"), EntityId("account", "other")
        assert await cluster.bus.ask(one, bank.Deposit(10)) == 10
        assert await cluster.bus.ask(one, bank.Transfer("other", 4)) == 6
        async with asyncio.timeout(10):
            while await cluster.bus.ask(other, bank.GetBalance()) != 4:
                await asyncio.sleep(0.005)
        with pytest.raises(Conflict):
            await cluster.bus.ask(one, bank.Transfer("other", 7))


async def test_the_plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_threads()
    plant, clock = imported("my_plant", example("class Plant("), monkeypatch), ManualClock()
    async with InProcessCluster(tmp_path, [plant.Plant], clock=clock) as cluster:
        fern = EntityId("plant", "fern")
        await cluster.bus.ask(fern, plant.Grow())
        await clock.advance(61.0)
        assert await cluster.bus.ask(fern, plant.Water()) == 1
        await cluster.kill_host()
        clock.jump(180.0)
        await cluster.start_host()
        await clock.advance(2.0)
        assert await cluster.bus.ask(fern, plant.Water()) == 3


async def test_the_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = imported("my_device", example("class Device("), monkeypatch)
    async with InProcessCluster(tmp_path, [device.Device]) as cluster:
        lamp = EntityId("device", "lamp")
        answer = await cluster.bus.ask(lamp, device.Connect("coap://lamp"))
        assert answer == "connected, firmware 1.0"
        answer = await cluster.bus.ask(lamp, device.Connect("nowhere"))
        assert answer == "unreachable: Nothing answers at nowhere."


async def test_the_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = imported("my_shop", example("class Order("), monkeypatch)
    async with InProcessCluster(tmp_path, [shop.Order, shop.Stock]) as cluster:

        async def stands(order: EntityId, wanted: str) -> None:
            async with asyncio.timeout(10):
                while await cluster.bus.ask(order, shop.GetOrder()) != wanted:
                    await asyncio.sleep(0.005)

        one, other = EntityId("order", "one"), EntityId("order", "other")
        for order in (one, other):
            await cluster.bus.ask(order, shop.Place("a lamp"))
        await cluster.kill_host()
        await cluster.start_host()
        await cluster.bus.ask(one, shop.Approve("ann"))
        await cluster.bus.ask(other, shop.CallOff())
        await stands(one, "a lamp is on its way, says ann; receipt 1 for a lamp")
        await stands(other, "called off: cancelled")
