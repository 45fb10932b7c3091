"""A whole engine in one process, with one kind of entity or those that a module names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.bench_entity import Bench, Gate
from tests.support.clocks import ManualClock, without_threads
from vareon_runtime.storage.memory import MemoryStore
from vareon_runtime.testing import InProcessCluster


@pytest.fixture
async def gate() -> Gate:
    return Gate()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def cluster(tmp_path: Path, gate: Gate) -> AsyncIterator[InProcessCluster]:
    async with InProcessCluster(tmp_path, [Bench], {Gate: gate}) as running:
        yield running


@pytest.fixture(params=["memory", "sqlite"])
async def timed(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock, gate: Gate
) -> AsyncIterator[InProcessCluster]:
    """Over both stores, on a clock that the test moves, with the module's `KINDS`."""
    without_threads()
    store = MemoryStore() if request.param == "memory" else None
    kinds, resources = request.module.KINDS, dict[type[Any], Any]({Gate: gate})
    async with InProcessCluster(tmp_path, kinds, resources, store=store, clock=clock) as running:
        yield running
