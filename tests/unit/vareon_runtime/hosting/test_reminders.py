"""Reminders: each tick once, with its effect, over kills and absences."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.alarm_entity import (
    Alarm,
    Beat,
    Chain,
    Demolish,
    FailFor,
    GetMissed,
    GetRung,
    Misname,
    Quiet,
    Remind,
    Ring,
    WakeAfter,
    WakeAt,
    WorkingDays,
)
from tests.support.bench_entity import Gate
from tests.support.clocks import ManualClock
from vareon_runtime.entity import Context, Entity, Misfire, State, Tick, entity, reminder
from vareon_runtime.errors import ConfigurationError, NotFound, StoreFailed
from vareon_runtime.hosting import reminders as reminders_module
from vareon_runtime.hosting.reminder_plan import REMINDERS
from vareon_runtime.identity import EntityId
from vareon_runtime.storage.tables import DeadLetterRow
from vareon_runtime.testing import InProcessCluster

A = EntityId("alarm", "a")
# 1_800_000_000 is 2027-01-15 08:00:00 UTC


KINDS = [Alarm]


@pytest.fixture
def cluster(timed: InProcessCluster) -> InProcessCluster:
    return timed


def rows(cluster: InProcessCluster, table: Any = REMINDERS) -> list[dict[str, Any]]:
    assert cluster.host is not None
    return cluster.host.store.find(table, {})


async def ticked(cluster: InProcessCluster, target: EntityId = A) -> list[str]:
    return await cluster.bus.ask(target, GetRung())


async def test_a_tick_comes_at_its_time_and_again(
    cluster: InProcessCluster, clock: ManualClock
) -> None:
    await cluster.bus.ask(A, Beat(30.0))
    await clock.advance(29.0)
    assert await ticked(cluster) == []
    await clock.advance(32.0)
    assert await ticked(cluster) == ["08:00:30", "08:01:00"]
    assert [row["due_ms"] for row in rows(cluster)] == [1_800_000_090_000]


async def test_once_is_once_and_leaves_nothing(
    cluster: InProcessCluster, clock: ManualClock
) -> None:
    await cluster.bus.ask(A, WakeAfter(2.0))
    await cluster.bus.ask(A, WakeAt(datetime(2027, 1, 15, 8, 0, 5, tzinfo=UTC)))
    assert len(rows(cluster)) == 2
    await clock.advance(60.0)
    assert await ticked(cluster) == ["woken", "at"]
    assert rows(cluster) == []


async def test_a_cron_line_is_meant_in_its_zone(
    cluster: InProcessCluster, clock: ManualClock
) -> None:
    # half past nine in Berlin is half past eight in UTC
    await cluster.bus.ask(A, WorkingDays("30 9 * * 1-5", "Europe/Berlin"))
    await clock.advance(1_801.0, step_s=60.0)
    assert await ticked(cluster) == ["08:30:00"]


async def test_what_is_forgotten_or_replaced_does_not_come(
    cluster: InProcessCluster, clock: ManualClock
) -> None:
    await cluster.bus.ask(A, Beat(5.0))
    await cluster.bus.ask(A, WakeAfter(3.0, "x"))
    await cluster.bus.ask(A, WakeAfter(8.0, "x"))
    await clock.advance(4.0)
    await cluster.bus.ask(A, Quiet())
    await clock.advance(30.0)
    assert await ticked(cluster) == ["x"]


async def test_a_handler_may_set_its_own_reminder_anew(
    cluster: InProcessCluster, clock: ManualClock
) -> None:
    await cluster.bus.ask(A, Chain())
    await clock.advance(10.0)
    assert len(await ticked(cluster)) == 3
    assert rows(cluster) == []


@pytest.mark.parametrize(
    ("misfire", "rung", "missed"),
    [
        (Misfire.SKIP, ["08:00:30", "08:03:00"], [0, 0]),
        (Misfire.ONE, ["08:00:30", "08:01:00", "08:03:00"], [0, 3, 0]),
        (
            Misfire.ALL,
            ["08:00:30", "08:01:00", "08:01:30", "08:02:00", "08:02:30", "08:03:00"],
            [0] * 6,
        ),
    ],
)
async def test_a_host_that_was_away_treats_missed_ticks_as_was_said(
    cluster: InProcessCluster,
    clock: ManualClock,
    misfire: Misfire,
    rung: list[str],
    missed: list[int],
) -> None:
    await cluster.bus.ask(A, Beat(30.0, misfire))
    await clock.advance(31.0)
    await cluster.kill_host()
    clock.now_s += 128.0  # 08:02:39: the ticks of a minute and of each half since are missed
    await cluster.start_host()
    await clock.advance(25.0)
    assert await ticked(cluster) == rung
    assert await cluster.bus.ask(A, GetMissed()) == missed


async def test_a_kill_between_ticks_loses_and_doubles_none(
    cluster: InProcessCluster, clock: ManualClock
) -> None:
    await cluster.bus.ask(A, Beat(2.0, Misfire.ALL))
    for _ in range(4):
        await clock.advance(3.0)
        await cluster.kill_host()
        await cluster.start_host()
    await clock.advance(1.0)
    assert await ticked(cluster) == [f"08:00:{second:02}" for second in (2, 4, 6, 8, 10, 12)]


async def test_a_kill_between_handler_and_commit_handles_the_tick_again_once(
    cluster: InProcessCluster, clock: ManualClock, gate: Gate
) -> None:
    await cluster.bus.ask(A, Beat(30.0))
    assert cluster.host is not None
    committer = cluster.host.committer
    committer.submit = lambda item: None  # type: ignore[method-assign]
    await clock.advance(31.0)
    assert gate.calls == ["heartbeat"], "the handler ran, and its unit never reached the disk"
    await cluster.kill_host()
    await cluster.start_host()
    await clock.advance(1.0)
    assert gate.calls == ["heartbeat"] * 2
    assert await ticked(cluster) == ["08:00:30"]


async def test_a_tick_whose_commit_fails_comes_again(
    cluster: InProcessCluster, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cluster.bus.ask(A, Beat(30.0))
    assert cluster.host is not None
    store = cluster.host.store
    real = store.commit

    def broken(*arguments: Any) -> Any:
        monkeypatch.setattr(store, "commit", real)
        raise StoreFailed("The disk is full.", 1.0)

    await clock.advance(29.0)
    monkeypatch.setattr(store, "commit", broken)
    await clock.advance(3.0)
    assert await ticked(cluster) == ["08:00:30"]


async def test_a_failing_handler_is_tried_again_and_then_goes_on(
    cluster: InProcessCluster, clock: ManualClock, gate: Gate
) -> None:
    await cluster.bus.ask(A, FailFor(3))
    await clock.advance(20.0)
    assert gate.calls == ["fragile"] * 4
    assert await ticked(cluster) == ["08:00:01"]
    assert rows(cluster) == []
    assert rows(cluster, DeadLetterRow.__table__) == []


async def test_attempts_are_counted_over_kills(
    cluster: InProcessCluster, clock: ManualClock, gate: Gate
) -> None:
    await cluster.bus.ask(A, FailFor(100))
    for _ in range(10):
        await clock.advance(4.0)
        await cluster.kill_host()
        await cluster.start_host()
    assert len(gate.calls) == 5


async def test_after_five_failures_the_tick_is_a_dead_letter_and_the_schedule_goes_on(
    cluster: InProcessCluster, clock: ManualClock, gate: Gate
) -> None:
    await cluster.bus.ask(A, FailFor(5, every=20.0))
    await clock.advance(45.0)
    assert gate.calls == ["fragile"] * 6
    assert await ticked(cluster) == ["08:00:40"]
    (letter,) = rows(cluster, DeadLetterRow.__table__)
    assert (letter["kind"], letter["key"], letter["source"]) == ("alarm", "a", "reminder")
    assert (letter["name"], letter["code"], letter["attempts"]) == (
        "fragile",
        "upstream_timeout",
        5,
    )


async def test_a_tick_whose_turn_is_stopped_counts_as_failed_and_comes_again(
    cluster: InProcessCluster, clock: ManualClock, gate: Gate
) -> None:
    await cluster.bus.ask(A, Remind("hang", 1.0))
    await clock.advance(2.0)
    assert gate.calls == ["hang"]
    await clock.advance(40.0)
    assert await ticked(cluster) == ["passed"]


async def test_a_tick_that_conflicts_is_given_up_and_hurts_nobody_else(
    cluster: InProcessCluster, clock: ManualClock
) -> None:
    other = EntityId("alarm", "b")
    for target in (A, other):
        await cluster.bus.ask(target, Remind("take_name", 1.0))
    await clock.advance(30.0)
    assert sorted([await ticked(cluster), await ticked(cluster, other)]) == [[], ["taken"]]
    (letter,) = rows(cluster, DeadLetterRow.__table__)
    assert (letter["code"], letter["attempts"]) == ("conflict", 5)
    assert rows(cluster) == []


async def test_a_deleted_entity_is_not_woken(
    cluster: InProcessCluster, clock: ManualClock, gate: Gate
) -> None:
    await cluster.bus.ask(A, Beat(5.0))
    await cluster.bus.ask(A, WakeAfter(6.0))
    await cluster.bus.ask(A, Demolish())
    assert rows(cluster) == []
    await clock.advance(20.0)
    assert gate.calls == []
    with pytest.raises(NotFound):
        await cluster.bus.ask(A, Ring("x"))


async def test_only_what_is_due_soon_is_in_memory(
    cluster: InProcessCluster, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reminders_module, "READ_LIMIT", 8)
    monkeypatch.setattr(reminders_module, "ARMED_LIMIT", 16)
    targets = [EntityId("alarm", str(number)) for number in range(60)]
    for number, target in enumerate(reversed(targets)):
        await cluster.bus.ask(target, WakeAfter(3.0 + number / 10))
    assert cluster.host is not None
    assert cluster.host.status()["reminders_armed"] <= 16
    assert len(rows(cluster)) == 60
    await clock.advance(14.0, step_s=0.1)
    assert rows(cluster) == []
    assert [await ticked(cluster, target) for target in targets] == [["woken"]] * 60
    assert cluster.host.status()["ticks"] == 60


async def test_far_ones_wait_in_the_store(cluster: InProcessCluster, clock: ManualClock) -> None:
    await cluster.bus.ask(A, WakeAfter(120.0))
    assert cluster.host is not None
    assert cluster.host.status()["reminders_armed"] == 0
    await clock.advance(122.0, step_s=2.0)
    assert await ticked(cluster) == ["woken"]


async def test_a_reminder_that_nobody_would_handle_is_refused(cluster: InProcessCluster) -> None:
    with pytest.raises(ConfigurationError):
        await cluster.bus.ask(A, Misname())
    assert rows(cluster) == []


async def test_an_activation_that_leaves_does_not_take_a_tick_with_it(
    cluster: InProcessCluster, clock: ManualClock
) -> None:
    await cluster.bus.ask(A, Beat(30.0))
    assert cluster.host is not None
    await clock.advance(29.5)
    activation = cluster.host.catalog.get(A)
    clock.jump(1.0)
    while not activation.mailbox:
        await asyncio.sleep(0)
    activation.drop(StoreFailed("gone"))
    await clock.advance(2.0)
    assert await ticked(cluster) == ["08:00:30"]


def test_the_shape_of_a_reminder_method_is_checked_when_the_class_is_made() -> None:
    with pytest.raises(ConfigurationError, match="async"):

        @entity("wrong")
        class Wrong(Entity[State]):
            @reminder
            def heartbeat(self, tick: Tick, context: Context) -> None: ...

    with pytest.raises(ConfigurationError, match="tick: Tick"):

        @entity("wrong")
        class AlsoWrong(Entity[State]):
            @reminder
            async def heartbeat(self, context: Context) -> None: ...
