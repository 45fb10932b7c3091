"""The example that the README walks through."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.registry import build_registry
from examples.counter.counter import Add, Counter, GetCount
from tests.support.workbench import ANN
from vareon_runtime.errors import InvalidMessage, NotFound
from vareon_runtime.identity import EntityId
from vareon_runtime.testing import InProcessCluster

APPLES = EntityId("counter", "apples")


async def test_it_counts_and_never_forgets(tmp_path: Path) -> None:
    """Through a kill of its host, too."""
    async with InProcessCluster(tmp_path, [Counter]) as cluster:
        with pytest.raises(NotFound):
            await cluster.bus.ask(APPLES, GetCount())
        assert await cluster.bus.ask(APPLES, Add(3)) == 3
        await cluster.kill_host()
        await cluster.start_host()
        assert await cluster.bus.ask(APPLES, Add()) == 4
        assert await cluster.bus.ask(APPLES, GetCount()) == 4


async def test_it_answers_in_json(tmp_path: Path) -> None:
    """As the front door asks it."""
    registry = build_registry(["examples.counter.counter"])
    async with InProcessCluster(tmp_path, list(registry)) as cluster:

        async def ask(name: str, body: bytes) -> bytes:
            return await cluster.bus.ask_json(APPLES, name, body, principal=ANN)

        assert await ask("Add", b'{"amount": 3}') == b"3"
        assert await ask("GetCount", b"") == b"3"
        for body in (b'{"amount": "x"}', b'{"unknown": 1}', b"[", b"\xff"):
            with pytest.raises(InvalidMessage):
                await ask("Add", body)
