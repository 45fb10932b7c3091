"""Effects keep the engine's promises, on the real classes in one process."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from tests.support.bench_entity import Delegate, Flaky, Gate, Spoken, Start, Stop
from vareon_runtime.errors import InvalidMessage, UpstreamTimeout
from vareon_runtime.identity import EntityId
from vareon_runtime.testing import InProcessCluster

A = EntityId("bench", "a")
OTHER = EntityId("bench", "other")


async def test_a_later_turn_answers_and_the_effect_is_found_after_a_kill(
    cluster: InProcessCluster, gate: Gate
) -> None:
    asking = asyncio.create_task(cluster.bus.ask(A, Delegate()))
    await gate.reached.wait()
    await cluster.kill_host()
    gate.reached.clear()
    await cluster.start_host()
    await gate.reached.wait()
    gate.open.set()
    assert await asking == "attempt 2, other 1"
    assert gate.calls == ["work", "work"]
    await cluster.kill_host()
    await cluster.start_host()
    assert cluster.host is not None
    assert cluster.host.status()["effects_started"] == 0, "a finished effect is not run again"


async def test_an_ask_of_a_rerun_effect_is_not_done_twice(
    cluster: InProcessCluster, gate: Gate
) -> None:
    gate.open.set()
    assert await cluster.bus.ask(A, Delegate()) == "attempt 1, other 1"
    connection = sqlite3.connect(cluster.path)
    ids = connection.execute("SELECT message_id FROM inbox WHERE key = 'other'").fetchall()
    connection.close()
    assert len(ids) == 1
    assert ids[0][0][6] >> 4 == 5, "the id is derived, not drawn"


async def test_an_effect_that_fails_answers_its_caller(
    cluster: InProcessCluster, gate: Gate
) -> None:
    gate.open.set()
    message_id = cluster.ids.message_id()
    for _ in range(2):
        with pytest.raises(InvalidMessage, match="cannot be done"):
            await cluster.bus.ask(A, Delegate(fails=True), message_id=message_id)
    assert gate.calls == ["work"]


async def test_an_effect_is_retried_as_its_policy_says(
    cluster: InProcessCluster, gate: Gate
) -> None:
    assert await cluster.bus.ask(A, Flaky(failures=2)) == 3
    gate.calls.clear()
    with pytest.raises(UpstreamTimeout):
        await cluster.bus.ask(OTHER, Flaky(failures=9))
    assert len(gate.calls) == 3


async def test_a_stopped_effect_tells_its_entity(cluster: InProcessCluster, gate: Gate) -> None:
    await cluster.bus.ask(A, Start("s"))
    await gate.reached.wait()
    async with cluster.bus.subscribe(A) as frames:
        await cluster.bus.ask(A, Stop())
        async for frame in frames:
            if isinstance(frame, Spoken):
                assert frame.text == "failed: cancelled"
                break


async def test_a_result_that_cannot_be_taken_goes_to_the_one_who_takes_failures(
    cluster: InProcessCluster, gate: Gate
) -> None:
    await cluster.bus.ask(A, Start("unheard"))
    await gate.reached.wait()
    async with cluster.bus.subscribe(A) as frames:
        await anext(aiter(frames))
        gate.open.set()
        async for frame in frames:
            if isinstance(frame, Spoken):
                assert frame.text == "failed: internal"
                break
    assert cluster.host is not None
    assert not cluster.host.effects.running
