"""Keyed requests: one at a time, told by the entity itself, whichever front door asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.bench_entity import Add, Bench, Delegate, Gate, GetCount, SlowlyAdd
from vareon_runtime.errors import (
    IdReused,
    InvalidMessage,
    Overloaded,
    PreconditionFailed,
    StillRunning,
)
from vareon_runtime.identity import EntityId, derived_id
from vareon_runtime.routing.client import LinkBus
from vareon_runtime.testing import InProcessCluster

A = EntityId("bench", "a")
KEY = derived_id("http", "ann", "key-1")
PRINT, OTHER_PRINT = b"12345678", b"87654321"


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
async def cluster(tmp_path: Path, gate: Gate) -> AsyncIterator[InProcessCluster]:
    async with InProcessCluster(tmp_path, [Bench], {Gate: gate}) as running:
        await running.bus.ask(A, Add())
        yield running


@pytest.fixture
async def second_door(cluster: InProcessCluster) -> AsyncIterator[LinkBus]:
    """Another front door of the same system."""
    bus = cluster._new_bus("door-2", "front_door")
    await bus.start()
    await bus.wait_connected(5.0)
    yield bus
    await bus.stop()


async def test_a_running_turn_is_not_waited_for(
    cluster: InProcessCluster, second_door: LinkBus, gate: Gate
) -> None:
    """The repeat is told at once, and later receives what the first received."""
    first = asyncio.create_task(cluster.bus.ask(A, SlowlyAdd(), message_id=KEY, fingerprint=PRINT))
    await gate.reached.wait()
    with pytest.raises(StillRunning):
        await second_door.ask(A, SlowlyAdd(), message_id=KEY, fingerprint=PRINT)
    gate.open.set()
    assert await first == 2
    assert await second_door.ask(A, SlowlyAdd(), message_id=KEY, fingerprint=PRINT) == 2
    assert await cluster.bus.ask(A, GetCount()) == 2


async def test_what_waits_in_the_mailbox_is_running_too(
    cluster: InProcessCluster, second_door: LinkBus, gate: Gate
) -> None:
    """It will be handled, so its repeat must not be."""
    slow = asyncio.create_task(cluster.bus.ask(A, SlowlyAdd()))
    await gate.reached.wait()
    first = asyncio.create_task(cluster.bus.ask(A, Add(by=5), message_id=KEY, fingerprint=PRINT))
    await cluster.bus.probe()
    with pytest.raises(StillRunning):
        await second_door.ask(A, Add(by=5), message_id=KEY, fingerprint=PRINT)
    gate.open.set()
    assert (await slow, await first) == (2, 7)


async def test_an_effect_under_way_is_known_from_the_inbox(
    cluster: InProcessCluster, second_door: LinkBus, gate: Gate
) -> None:
    """Also by the next life of the host, which runs it to its end."""
    first = asyncio.create_task(cluster.bus.ask(A, Delegate(), message_id=KEY, fingerprint=PRINT))
    await gate.reached.wait()
    with pytest.raises(StillRunning):
        await second_door.ask(A, Delegate(), message_id=KEY, fingerprint=PRINT)
    gate.reached.clear()
    await cluster.kill_host()
    await cluster.start_host()
    await gate.reached.wait()
    with pytest.raises(StillRunning):
        await second_door.ask(A, Delegate(), message_id=KEY, fingerprint=PRINT)
    gate.open.set()
    told = await first
    assert told == "attempt 2, other 1"
    assert await second_door.ask(A, Delegate(), message_id=KEY, fingerprint=PRINT) == told


async def test_what_the_bus_sends_again_by_itself_waits(
    cluster: InProcessCluster, gate: Gate
) -> None:
    """A router that was away is no second request of the caller's."""
    first = asyncio.create_task(cluster.bus.ask(A, SlowlyAdd(), message_id=KEY, fingerprint=PRINT))
    await gate.reached.wait()
    await cluster.restart_router()
    await cluster.bus.wait_connected(5.0)
    gate.open.set()
    assert await first == 2
    assert await cluster.bus.ask(A, GetCount()) == 2


async def test_the_fingerprint_stands_for_the_content(cluster: InProcessCluster) -> None:
    """What differs by nature, such as a salted hash, may differ; what the caller sent may not."""
    assert await cluster.bus.ask(A, Add(by=2), message_id=KEY, fingerprint=PRINT) == 3
    assert await cluster.bus.ask(A, Add(by=9), message_id=KEY, fingerprint=PRINT) == 3
    with pytest.raises(IdReused):
        await cluster.bus.ask(A, Add(by=2), message_id=KEY, fingerprint=OTHER_PRINT)


async def test_only_front_doors_may_send_one(cluster: InProcessCluster) -> None:
    """Anybody else could claim that two contents are the same."""
    client = cluster._new_bus("somebody", "client")
    await client.start()
    await client.wait_connected(5.0)
    with pytest.raises(InvalidMessage):
        await client.ask(A, Add(), message_id=KEY, fingerprint=PRINT)
    await client.stop()


async def test_what_found_no_room_is_not_running(cluster: InProcessCluster, gate: Gate) -> None:
    """It was refused, so the next try is the first."""
    slow = asyncio.create_task(cluster.bus.ask(A, SlowlyAdd()))
    await gate.reached.wait()
    queued = [asyncio.create_task(cluster.bus.ask(A, Add())) for _ in range(5)]
    await cluster.bus.probe()
    with pytest.raises(Overloaded):
        await cluster.bus.ask(A, Add(), message_id=KEY, fingerprint=PRINT)
    gate.open.set()
    await asyncio.gather(slow, *queued)
    assert await cluster.bus.ask(A, Add(), message_id=KEY, fingerprint=PRINT) == 8


async def test_a_guarded_one_is_refused_once_the_state_has_changed(
    cluster: InProcessCluster, second_door: LinkBus
) -> None:
    """Before its handler sees it; what was handled is answered under any version."""
    assert await cluster.bus.ask(A, Add(), expected=1, message_id=KEY, fingerprint=PRINT) == 2
    for expected in (0, 1, 3):
        with pytest.raises(PreconditionFailed):
            await second_door.ask(A, Add(), expected=expected)
    assert await second_door.ask(A, Add(), expected=1, message_id=KEY, fingerprint=PRINT) == 2
    assert await second_door.ask(A, GetCount()) == 2
    assert await second_door.ask(A, Add(), expected=2) == 3
    assert await second_door.ask(EntityId("bench", "new"), Add(), expected=0) == 1
