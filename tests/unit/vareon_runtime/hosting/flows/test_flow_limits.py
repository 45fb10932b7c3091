"""What stops a flow: changed code, its bounds, hosts that die of it."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.flow_checks import A, restart, rows_left, status
from tests.support.flow_entity import (
    Approve,
    Begin,
    ChangedOrder,
    GetStatus,
    Order,
    Place,
    World,
)
from vareon_runtime.entity import Entity, entity, flow
from vareon_runtime.entity.registry import Registry
from vareon_runtime.errors import (
    ConfigurationError,
    QuotaExceeded,
)
from vareon_runtime.hosting import effect_life, flows, journal
from vareon_runtime.testing import InProcessCluster


@pytest.mark.parametrize(
    ("pays", "how"),
    [
        ("pay by card", "it did 'step:pay' as its number 1"),
        ("+pay by card,ship,thank", "it did 'step:pay' as its number 1"),
        ("pay", "now nothing"),
    ],
)
async def test_code_that_changed_under_a_flow_halts_it(
    cluster: InProcessCluster,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    pays: str,
    how: str,
) -> None:
    monkeypatch.setattr(ChangedOrder, "pays", pays)
    world.hold("pack")
    await cluster.bus.ask(A, Begin("pay ship pack"))
    assert [await world.entered.get() for _ in range(3)] == ["pay", "ship", "pack"]
    await cluster.kill_host()
    monkeypatch.setattr(cluster, "_registry", Registry([ChangedOrder]))
    await cluster.start_host()
    await status(cluster, "flow_diverged")
    assert how in await cluster.bus.ask(A, GetStatus())
    assert world.names() == ["pay", "ship"], "nothing was done in the wrong place"
    assert rows_left(cluster) == 3, "its journal is kept, and how often it had been tried"


async def test_a_flow_is_bounded(
    cluster: InProcessCluster, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flows, "STEPS_LIMIT", 2)
    assert (await cluster.bus.ask(A, Place("a b c"))).startswith("flow_halted: ")
    assert world.names() == ["a", "b"]
    monkeypatch.setattr(journal, "OUTCOME_LIMIT", 20)
    long = "x" * 40
    assert "returned has" in await cluster.bus.ask(A, Place(f"{long}"))
    monkeypatch.setattr(effect_life, "SIGNALS_LIMIT", 3)
    monkeypatch.setattr(journal, "OUTCOME_LIMIT", 200)
    world.hold("pay")
    asking = asyncio.create_task(cluster.bus.ask(A, Place("pay signal")))
    while await world.entered.get() != "pay":
        """What was entered before."""
    twice = [cluster.bus.ask(A, Approve("ann", 2)) for _ in range(2)]
    first, second = await asyncio.gather(*twice, return_exceptions=True)
    assert (first, type(second)) == (True, QuotaExceeded), "those on their way to the disk count"
    with pytest.raises(QuotaExceeded):
        await cluster.bus.ask(A, Approve("ann", 2))
    await cluster.bus.ask(A, Approve("bob", 1))
    world.let("pay")
    assert await asking == "pay ok, by ann"


async def test_a_flow_that_kills_its_hosts_is_given_up(
    cluster: InProcessCluster, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flows, "ATTEMPTS_LIMIT", 3)
    monkeypatch.setattr(journal, "NOTE_EVERY", 1)
    world.hold("pay", "ship")
    asking = asyncio.create_task(cluster.bus.ask(A, Place("pay ship"), timeout_s=30))
    for _ in range(2):
        await world.entered.get()
        await restart(cluster)
    world.let("pay")
    assert [await world.entered.get() for _ in range(2)] == ["pay", "ship"]
    for _ in range(3):
        await restart(cluster)
        assert await world.entered.get() == "ship", "it got somewhere in between"
    await restart(cluster)
    assert (await asking).startswith("unavailable")


async def test_a_flow_without_its_context_is_refused_at_import() -> None:
    with pytest.raises(ConfigurationError, match="FlowContext"):

        @entity("wrong")
        class Wrong(Entity[Order.handlers.state]):
            @flow()
            async def go(self, plan: str) -> str:
                return plan
