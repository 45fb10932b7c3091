"""An engine that runs orders, over both stores."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.flow_entity import (
    Order,
    Stock,
    World,
)
from tests.support.stubborn import ForgetfulStore, ShiftedClock
from vareon_runtime.testing import InProcessCluster


@pytest.fixture
async def world() -> World:
    return World()


@pytest.fixture
async def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture(params=["sqlite", "memory"])
async def cluster(
    tmp_path: Path, world: World, clock: ShiftedClock, request: pytest.FixtureRequest
) -> AsyncIterator[InProcessCluster]:
    store = ForgetfulStore() if request.param == "memory" else None
    resources = {World: world}
    async with InProcessCluster(
        tmp_path, [Order, Stock], resources, store=store, clock=clock
    ) as running:
        yield running
