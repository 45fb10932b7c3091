"""What an author leaves behind that cannot be used fails its own turn, and nothing else."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.careless_entity import (
    Act,
    Begin,
    Careless,
    GetTold,
    Pair,
    Pass,
    PeekAndSend,
    Slowness,
    Wake,
)
from vareon_runtime.errors import InternalError
from vareon_runtime.hosting import catalog
from vareon_runtime.hosting import outbox as outbox_module
from vareon_runtime.hosting.committer import Committer
from vareon_runtime.identity import EntityId, Principal
from vareon_runtime.message import Position
from vareon_runtime.storage.ports import Unit
from vareon_runtime.testing import InProcessCluster

ANN = Principal("ann")
A, B = EntityId("careless", "a"), EntityId("careless", "b")
SEEN = Position("s", 1, 0)
UNENCODABLE = ["state", "event", "call"]


@pytest.fixture
async def slowness() -> Slowness:
    return Slowness()


@pytest.fixture
async def cluster(tmp_path: Path, slowness: Slowness) -> AsyncIterator[InProcessCluster]:
    async with InProcessCluster(tmp_path, [Careless], {Slowness: slowness}) as running:
        yield running


async def told(cluster: InProcessCluster, target: EntityId, wanted: tuple[int, str]) -> None:
    async with asyncio.timeout(10):
        while await cluster.bus.ask(target, GetTold()) != wanted:
            await asyncio.sleep(0.005)


async def letters(cluster: InProcessCluster) -> list[tuple[Any, ...]]:
    async with asyncio.timeout(20):
        while True:
            reader = sqlite3.connect(cluster.path)
            found = reader.execute("SELECT source, code, attempts FROM dead_letters").fetchall()
            reader.close()
            if found:
                return found
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("how", [*UNENCODABLE, "row"])
async def test_its_caller_hears_of_it_at_once_and_nothing_has_changed(
    cluster: InProcessCluster, how: str
) -> None:
    assert await cluster.bus.ask(A, Act()) == 1
    with pytest.raises(InternalError):
        await cluster.bus.ask(A, Act(how), timeout_s=5)
    assert await cluster.bus.ask(A, Act()) == 2


async def test_a_turn_that_cannot_be_stored_does_not_harm_those_written_beside_it(
    cluster: InProcessCluster,
) -> None:
    targets = [EntityId("careless", str(number)) for number in range(40)]
    asks = [cluster.bus.ask(target, Act(), timeout_s=5) for target in targets]
    asks.insert(20, cluster.bus.ask(A, Act("row"), timeout_s=5))
    outcomes = await asyncio.gather(*asks, return_exceptions=True)
    refused = outcomes.pop(20)
    assert isinstance(refused, InternalError)
    assert "no such table: unmade" in refused.detail
    assert outcomes == [1] * 40


@pytest.mark.parametrize("how", [*UNENCODABLE, "row"])
async def test_a_result_that_cannot_be_taken_goes_to_failed(
    cluster: InProcessCluster, how: str
) -> None:
    await cluster.bus.ask(A, Begin(how))
    await told(cluster, A, (0, "internal"))
    await cluster.kill_host()
    await cluster.start_host()
    assert cluster.host is not None
    assert cluster.host.effects.running == 0, "its row has gone"


@pytest.mark.parametrize("how", [*UNENCODABLE, "row"])
async def test_a_sent_message_that_cannot_be_handled_becomes_a_dead_letter(
    cluster: InProcessCluster, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "RETRY_LONGEST_S", 0.05)
    await cluster.bus.ask(A, Pass("b", how))
    await cluster.bus.ask(A, Pass("b", "well"))
    assert await letters(cluster) == [("send", "internal", 5)]
    await told(cluster, B, (1, ""))


async def failures_of_the_tick(cluster: InProcessCluster) -> int:
    reader = sqlite3.connect(cluster.path)
    (plan,) = reader.execute("SELECT plan FROM reminders").fetchone()
    reader.close()
    return int(msgspec.msgpack.decode(plan).get("attempts", 0))


async def test_a_tick_that_cannot_be_stored_counts_as_a_failure(cluster: InProcessCluster) -> None:
    await cluster.bus.ask(A, Wake("row"))
    async with asyncio.timeout(10):
        while (await failures_of_the_tick(cluster)) < 2:
            await asyncio.sleep(0.01)


async def test_a_reply_that_is_no_json_ends_nothing(cluster: InProcessCluster) -> None:
    with pytest.raises(InternalError, match="It is done"):
        await cluster.bus.ask_json(A, "Pair", b"{}", principal=ANN, timeout_s=5)
    assert await cluster.bus.ask(A, Pair()) == {(1, 2): 3}
    assert await cluster.bus.ask(A, Act()) == 3


async def test_a_query_that_wants_to_commit_something_is_told_so(cluster: InProcessCluster) -> None:
    with pytest.raises(InternalError, match="make it a command"):
        await cluster.bus.ask(A, PeekAndSend())


async def test_an_entity_that_cannot_be_made_is_an_error_of_its_own(
    cluster: InProcessCluster,
) -> None:
    with pytest.raises(InternalError):
        await cluster.bus.ask(EntityId("careless", "unmakeable"), Act(), timeout_s=5)
    assert await cluster.bus.ask(A, Act()) == 1


async def test_a_reader_hears_that_its_position_cannot_be_told(cluster: InProcessCluster) -> None:
    await cluster.bus.ask(A, Act())
    with pytest.raises(InternalError):
        async with asyncio.timeout(5), cluster.bus.subscribe(A, position=SEEN) as reader:
            await anext(reader)
    assert await cluster.bus.ask(A, Act()) == 2


async def stop_turn(cluster: InProcessCluster, slowness: Slowness) -> None:
    await slowness.reached.wait()
    slowness.reached.clear()
    assert cluster.host is not None
    cluster.host.catalog.sweep(cluster.clock.monotonic() + catalog.TURN_LIMIT_S + 1)


async def test_a_stopped_turn_is_told_to_its_caller(
    cluster: InProcessCluster, slowness: Slowness, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await cluster.bus.ask(A, Act()) == 1
    asking = asyncio.ensure_future(cluster.bus.ask(A, Act("slow"), timeout_s=30))
    await stop_turn(cluster, slowness)
    slowness.open.set()
    assert await asking == 2, "told at once, so that the bus asks again"


async def test_a_stopped_result_goes_to_failed(
    cluster: InProcessCluster, slowness: Slowness
) -> None:
    await cluster.bus.ask(A, Begin("slow"))
    await stop_turn(cluster, slowness)
    await told(cluster, A, (0, "unavailable"))


async def test_a_sent_message_whose_turns_are_stopped_becomes_a_dead_letter(
    cluster: InProcessCluster, slowness: Slowness
) -> None:
    await cluster.bus.ask(A, Pass("b", "slow"))
    for _ in range(5):
        await stop_turn(cluster, slowness)
    assert await letters(cluster) == [("send", "unavailable", 5)]


async def test_writing_goes_on_whatever_a_unit_does_when_it_is_told(
    cluster: InProcessCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cluster.host is not None
    committer: Committer = cluster.host.committer

    class Raises:
        void = False

        unit = Unit(A)

        def committed(self) -> None:
            raise ZeroDivisionError

        def failed(self, error: Exception) -> None:
            raise ZeroDivisionError

    committer.submit(Raises())
    assert await cluster.bus.ask(A, Act(), timeout_s=5) == 1


async def test_reading_goes_on_whatever_cannot_be_read(
    cluster: InProcessCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cluster.host is not None
    store = cluster.host.store
    load = store.load

    def once(wanted: Any) -> Any:
        monkeypatch.setattr(store, "load", load)
        raise ZeroDivisionError

    monkeypatch.setattr(store, "load", once)
    assert await cluster.bus.ask(A, Act(), timeout_s=5) == 1, "unavailable once, then asked again"
