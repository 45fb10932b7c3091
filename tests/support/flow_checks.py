"""What tests of flows look at."""

from __future__ import annotations

import asyncio

from tests.support.flow_entity import (
    GetStatus,
)
from vareon_runtime.hosting.effect_life import JOURNAL, SIGNALS
from vareon_runtime.identity import EntityId
from vareon_runtime.testing import InProcessCluster

A = EntityId("order", "a")


async def restart(cluster: InProcessCluster) -> None:
    await cluster.kill_host()
    await cluster.start_host()


def rows_left(cluster: InProcessCluster) -> int:
    assert cluster.host is not None
    store = cluster.host.store
    return len(store.find(JOURNAL, {})) + len(store.find(SIGNALS, {}))


async def journaled(cluster: InProcessCluster, count: int) -> None:
    assert cluster.host is not None
    async with asyncio.timeout(5):
        while len(cluster.host.store.find(JOURNAL, {})) < count:
            await asyncio.sleep(0.002)


async def status(cluster: InProcessCluster, wanted: str) -> None:
    async with asyncio.timeout(5):
        while not (await cluster.bus.ask(A, GetStatus())).startswith(wanted):
            await asyncio.sleep(0.002)
