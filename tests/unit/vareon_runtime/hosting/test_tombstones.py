"""What was deleted stays deleted: over restarts, and whoever asks."""

from __future__ import annotations

import pytest

from tests.support.bench_entity import Add, Bench, GetCount, Remove
from tests.support.clocks import ManualClock
from vareon_runtime.entity import Context, Entity, Request, State, command, entity
from vareon_runtime.errors import NotFound
from vareon_runtime.hosting.retention import EVERY_S
from vareon_runtime.identity import EntityId
from vareon_runtime.storage.ports import Wanted
from vareon_runtime.storage.tables import DeadLetterRow
from vareon_runtime.testing import InProcessCluster

A = EntityId("bench", "a")


class TellBench(Request[bool]):
    """Send it something."""


@entity("teller")
class Teller(Entity[State]):
    """Sends to a bench, whether there is one or not."""

    @command(creates=True)
    async def tell(self, message: TellBench, context: Context) -> bool:
        context.send(A, Add())
        return True


KINDS = [Bench, Teller]


@pytest.fixture
async def cluster(timed: InProcessCluster) -> InProcessCluster:
    await timed.bus.ask(A, Add(5))
    assert await timed.bus.ask(A, Remove())
    return timed


async def restart(cluster: InProcessCluster, clock: ManualClock, hours: float) -> None:
    await cluster.kill_host()
    clock.now_s += hours * 3600.0
    await cluster.start_host()
    await clock.advance(EVERY_S + 5)


@pytest.mark.parametrize("hours", [0.0, 27.0, 24.0 * 365])
async def test_it_is_not_found_after_any_time(
    cluster: InProcessCluster, clock: ManualClock, hours: float
) -> None:
    for _ in range(3):
        for message in (Add(), GetCount(), Remove()):
            with pytest.raises(NotFound):
                await cluster.bus.ask(A, message)
        with pytest.raises(NotFound):
            async with cluster.bus.subscribe(A) as frames:
                await anext(aiter(frames))
        await restart(cluster, clock, hours)


async def test_its_tombstone_holds_no_state(cluster: InProcessCluster, clock: ManualClock) -> None:
    await restart(cluster, clock, 0.0)
    assert cluster.host is not None
    state = cluster.host.store.load([Wanted(A)])[0].state
    assert state is not None
    assert (state.deleted, state.state) == (True, b"")


async def test_what_is_sent_to_it_becomes_a_dead_letter(
    cluster: InProcessCluster, clock: ManualClock
) -> None:
    await restart(cluster, clock, 0.0)
    await cluster.bus.ask(EntityId("teller", "t"), TellBench())
    await clock.advance(5.0)
    assert cluster.host is not None
    (letter,) = cluster.host.store.find(DeadLetterRow.__table__, {})
    assert (letter["name"], letter["code"]) == ("Add", "not_found")
    with pytest.raises(NotFound):
        await cluster.bus.ask(A, GetCount())
