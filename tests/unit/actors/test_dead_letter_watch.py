"""Administrators hear of every message that was set aside, once."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from actors import names
from actors.system.dead_letter_watch import EVERY_S, DeadLetterWatch
from actors.system.messages import WatchDeadLetters
from actors.system.notifications import Notifications
from tests.support.clocks import ManualClock, without_threads
from vareon_runtime.models import NotificationRow
from vareon_runtime.testing import InProcessCluster

START_S = 1_800_000_000.0
USERS = (("ann", "admin", True), ("bob", "member", True), ("cy", "admin", False))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START_S)


@pytest.fixture
async def cluster(tmp_path: Path, clock: ManualClock) -> AsyncIterator[InProcessCluster]:
    without_threads()
    kinds = [DeadLetterWatch, Notifications]
    async with InProcessCluster(tmp_path, kinds, {}, clock=clock) as running:
        for user, role, active in USERS:
            execute(
                running,
                "INSERT INTO users (id, username, hashed_password, is_active, is_verified,"
                " token_version, created_at, updated_at) VALUES (?, ?, 'x', ?, 1, 0, '', '')",
                (user, user, active),
            )
            execute(running, "INSERT INTO user_roles (user_id, role) VALUES (?, ?)", (user, role))
        yield running


def execute(cluster: InProcessCluster, statement: str, values: tuple[Any, ...]) -> None:
    with contextlib.closing(sqlite3.connect(cluster.path, isolation_level=None)) as surgeon:
        surgeon.execute(statement, values)


def set_aside(
    cluster: InProcessCluster, number: int, at_s: float, kind: str = "courier", name: str = "Bring"
) -> None:
    """A letter, as a host would write it."""
    values = (number.to_bytes(16, "big"), kind, "c", name, bytes(16), int(at_s * 1000))
    execute(
        cluster,
        "INSERT INTO dead_letters (id, kind, key, source, name, body, principal, sender, trace_id,"
        " code, reason, attempts, given_up_at_ms)"
        " VALUES (?, ?, ?, 'send', ?, x'', x'', '', ?, 'conflict', 'No.', 5, ?)",
        values,
    )


def told(cluster: InProcessCluster) -> list[tuple[str, str, str]]:
    assert cluster.host is not None
    rows = cluster.host.store.find(NotificationRow.__table__, {})  # type: ignore[arg-type]
    found = [(row["user_id"], row["title"], row["text"]) for row in rows]
    return sorted(found, key=lambda one: one[1])


async def test_those_of_one_look_are_told_together_and_once(
    cluster: InProcessCluster, clock: ManualClock
) -> None:
    set_aside(cluster, 1, START_S - 60.0)
    await cluster.bus.ask(names.dead_letter_watch(), WatchDeadLetters())
    set_aside(cluster, 2, START_S + 3.0)
    set_aside(cluster, 3, START_S + 4.0, name="Fetch")
    await clock.advance(3 * EVERY_S)
    text = "The first was Bring for courier/c (conflict). `vareon dead-letters` lists them."
    assert told(cluster) == [("ann", "Messages were set aside: 2", text)]


async def test_one_that_comes_to_light_late_is_told(
    cluster: InProcessCluster, clock: ManualClock
) -> None:
    """Its commit was on its way while another, stamped later, was seen already."""
    await cluster.bus.ask(names.dead_letter_watch(), WatchDeadLetters())
    await clock.advance(EVERY_S - 2.0)
    set_aside(cluster, 1, clock.time())
    late_s = clock.time() - 1.0
    await clock.advance(4.0)
    set_aside(cluster, 2, late_s, name="Late")
    await clock.advance(3 * EVERY_S)
    titles = [title for _, title, _ in told(cluster)]
    assert titles == ["Messages were set aside: 2"]


async def test_a_restarted_host_tells_what_is_new_and_nothing_twice(
    cluster: InProcessCluster, clock: ManualClock
) -> None:
    await cluster.bus.ask(names.dead_letter_watch(), WatchDeadLetters())
    set_aside(cluster, 1, START_S + 1.0)
    await clock.advance(2 * EVERY_S)
    await cluster.kill_host()
    set_aside(cluster, 2, clock.time() + 1.0)
    await cluster.start_host()
    await cluster.bus.ask(names.dead_letter_watch(), WatchDeadLetters())
    await clock.advance(3 * EVERY_S)
    assert [title for _, title, _ in told(cluster)] == ["Messages were set aside: 1"] * 2


async def test_what_failed_to_be_told_is_not_told_about(
    cluster: InProcessCluster, clock: ManualClock
) -> None:
    """It would never end."""
    await cluster.bus.ask(names.dead_letter_watch(), WatchDeadLetters())
    set_aside(cluster, 1, START_S + 1.0, kind="notifications", name="Notify")
    await clock.advance(3 * EVERY_S)
    assert told(cluster) == []
