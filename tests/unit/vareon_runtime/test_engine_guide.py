"""The examples in docs/engine.md run as they stand there."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from vareon_runtime.identity import EntityId
from vareon_runtime.testing import InProcessCluster

GUIDE = Path(__file__).parents[3] / "docs" / "engine.md"
_BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
EXAMPLES = _BLOCK.findall(GUIDE.read_text(encoding="utf-8"))
"""A door, a device, and a test of the door."""


def imported(name: str, source: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An example as a module of its own."""
    module = ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    exec(compile(source, str(GUIDE), "exec"), module.__dict__)
    return module


async def test_the_door_and_its_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    door, _, test = EXAMPLES
    imported("my", "", monkeypatch)
    imported("my.entities", door, monkeypatch)
    await imported("my.test_door", test, monkeypatch).test_a_door_opens_once(tmp_path)


async def test_the_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = imported("my_device", EXAMPLES[1], monkeypatch)
    async with InProcessCluster(tmp_path, [device.Device]) as cluster:
        lamp = EntityId("device", "lamp")
        answer = await cluster.bus.ask(lamp, device.Connect("coap://lamp"))
        assert answer == "connected, firmware 1.0"
        answer = await cluster.bus.ask(lamp, device.Connect("nowhere"))
        assert answer == "unreachable: Nothing answers at nowhere."
