"""What stops a flow: changed code, its bounds, hosts that die of it."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.flow_checks import A, restart, rows_left, status
from tests.support.flow_entity import (
    Approve,
    Begin,
    GetStatus,
    Order,
    Place,
    World,
)
from vareon_runtime.entity import Context, Entity, FlowContext, command, entity, flow
from vareon_runtime.entity.registry import Registry
from vareon_runtime.errors import (
    ConfigurationError,
    QuotaExceeded,
    VareonError,
)
from vareon_runtime.hosting import effect_life, flows, journal
from vareon_runtime.testing import InProcessCluster


@entity("order")
class ChangedOrder(Entity[Order.handlers.state]):
    """The same kind after its author changed the flow."""

    pays = "pay by card"

    @command(creates=True)
    async def begin(self, message: Begin, context: Context) -> bytes:
        return b""

    @flow()
    async def fulfil(self, plan: str, flow: FlowContext) -> str:
        if self.pays.startswith("+"):
            do, names = flow.resource(World).do, self.pays[1:].split(",")
            await flow.gather(*(flow.step(name, do, name, "changed") for name in names))
        for name in self.pays.split(","):
            try:
                await flow.step(name, flow.resource(World).do, name, "changed")
            except VareonError:
                """Even a flow that takes no notice is stopped."""
        return "went on"

    async def fulfilled(self, result: str, context: Context) -> None:
        self.state.status = result

    not_fulfilled = Order.not_fulfilled
    status = Order.status


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
    assert rows_left(cluster) == 2, "its journal is kept"


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
    await cluster.bus.ask(A, Approve("ann", 2))
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
