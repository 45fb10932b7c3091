"""One suite for every store: what the engine relies on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vareon_runtime.errors import Conflict, InternalError, StaleOwner, StoreFailed, Unavailable
from vareon_runtime.identity import SHARDS, EntityId, derived_id, inner_id
from vareon_runtime.migrations.run import migrate
from vareon_runtime.models import UserRow
from vareon_runtime.placement import owner_of, shard_of
from vareon_runtime.storage.base import Base
from vareon_runtime.storage.changes import RowChange
from vareon_runtime.storage.memory import MemoryDatabase, MemoryStore
from vareon_runtime.storage.ports import (
    LEASE_MS,
    Channel,
    EffectRecord,
    InboxRecord,
    StateRecord,
    Store,
    Unit,
    Wanted,
)
from vareon_runtime.storage.sqlite import SqliteStore
from vareon_runtime.storage.tables import ChannelRow, ReminderRow

A = EntityId("counter", "a")
B = EntityId("counter", "b")
ALL = range(SHARDS)
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

Opener = Callable[[], Store]
"""Opens the store as the next life of the host would."""


@pytest.fixture(params=["memory", "sqlite"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    path = tmp_path / "vareon.db"
    memory = MemoryStore()
    if request.param == "sqlite":
        migrate(f"sqlite:///{path}")
    lives: list[Store] = []

    def next_life() -> Store:
        if lives:
            lives[-1].close()
        store: Store = memory if request.param == "memory" else SqliteStore(path)
        store.open("host", f"life-{len(lives)}")
        lives.append(store)
        return store

    yield next_life
    lives[-1].close()


def state(target: EntityId, version: int, body: bytes = b"s", *, deleted: bool = False):
    return StateRecord(target, version, 1, body, deleted)


def inbox(target: EntityId, number: int, reply: bytes | None = b"r") -> InboxRecord:
    return InboxRecord(target, bytes([number]) * 16, b"d" * 8, reply)


def effect(number: int, target: EntityId = A) -> EffectRecord:
    return EffectRecord(bytes([number]) * 16, target, 3, "work", 1, b"call")


def user(name: str, identifier: str = "") -> RowChange:
    values = {
        "id": identifier or f"id-{name}",
        "username": name,
        "hashed_password": "x",
        "is_active": True,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return RowChange("upsert", UserRow.__table__, values, {})


def test_what_was_committed_is_loaded_by_the_next_life(reopen: Opener) -> None:
    store = reopen()
    assert store.commit([Unit(A, state(A, 1), inbox(A, 1)), Unit(B, state(B, 1))], 5) == [None] * 2
    loaded = reopen().load([Wanted(A, (bytes([1]) * 16, bytes([2]) * 16)), Wanted(B)])
    assert loaded[0].state == state(A, 1)
    assert loaded[0].inbox == {bytes([1]) * 16: inbox(A, 1)}
    assert loaded[1].state == state(B, 1)
    assert not loaded[1].inbox


def test_what_was_never_written_is_not_there(reopen: Opener) -> None:
    (loaded,) = reopen().load([Wanted(A, (b"x" * 16,))])
    assert loaded.state is None
    assert not loaded.inbox


def test_a_large_batch_is_written_whole(reopen: Opener) -> None:
    targets = [EntityId("counter", str(number)) for number in range(700)]
    store = reopen()
    outcomes = store.commit(
        [Unit(t, state(t, 1), InboxRecord(t, b"m" * 16, b"d" * 8, b"r")) for t in targets], 5
    )
    assert outcomes == [None] * 700
    loaded = store.load([Wanted(t, (b"m" * 16,)) for t in targets])
    assert [found.state for found in loaded] == [state(t, 1) for t in targets]
    assert all(len(found.inbox) == 1 for found in loaded)


def test_the_last_state_of_a_batch_wins(reopen: Opener) -> None:
    store = reopen()
    store.commit([Unit(A, state(A, 1, b"one")), Unit(A, state(A, 2, b"two"))], 5)
    assert store.load([Wanted(A)])[0].state == state(A, 2, b"two")


def test_an_older_version_is_refused(reopen: Opener) -> None:
    store = reopen()
    store.commit([Unit(A, state(A, 2))], 5)
    try:
        outcomes = store.commit([Unit(A, state(A, 2, b"late"))], 6)
    except Unavailable as error:
        outcomes = [error]
    assert isinstance(outcomes[0], Unavailable)
    assert store.load([Wanted(A)])[0].state == state(A, 2)


def test_a_message_is_not_handled_twice(reopen: Opener) -> None:
    store = reopen()
    store.commit([Unit(A, state(A, 1), inbox(A, 1))], 5)
    (outcome,) = store.commit([Unit(A, state(A, 2, b"again"), inbox(A, 1))], 6)
    assert isinstance(outcome, Unavailable)
    assert store.load([Wanted(A)])[0].state == state(A, 1)


def test_one_id_may_go_to_two_entities(reopen: Opener) -> None:
    store = reopen()
    assert store.commit([Unit(A, inbox=inbox(A, 1)), Unit(B, inbox=inbox(B, 1))], 5) == [None] * 2


def test_a_later_turn_completes_an_inbox_row(reopen: Opener) -> None:
    store = reopen()
    store.commit([Unit(A, inbox=inbox(A, 1, None))], 5)
    store.commit([Unit(A, answered=inbox(A, 1, b"late"))], 6)
    loaded = reopen().load([Wanted(A, (bytes([1]) * 16,))])[0]
    assert loaded.inbox[bytes([1]) * 16].reply == b"late"


def test_a_taken_unique_value_blames_its_own_unit_alone(reopen: Opener) -> None:
    store = reopen()
    units = [
        Unit(A, state(A, 1), rows=[user("ann")]),
        Unit(B, state(B, 1), rows=[user("ann", "other")]),
        Unit(B, state(B, 2)),
        Unit(EntityId("counter", "c"), rows=[user("bob")]),
    ]
    outcomes = store.commit(units, 5)
    assert outcomes[0] is None
    assert isinstance(outcomes[1], Conflict)
    assert "username" in outcomes[1].detail
    assert isinstance(outcomes[2], Unavailable), "it was built on a change that failed"
    assert outcomes[3] is None
    assert store.load([Wanted(B)])[0].state is None


def test_effects_are_found_again_with_one_attempt_more(reopen: Opener) -> None:
    store = reopen()
    store.commit([Unit(A, effects=[effect(1), effect(2)])], 5)
    store.commit([Unit(A, finished=effect(1).effect_id)], 6)
    found = reopen().recover_effects(ALL)
    assert [(record.effect_id, record.attempts) for record in found] == [(bytes([2]) * 16, 2)]
    assert reopen().recover_effects(ALL)[0].attempts == 3


def test_an_effect_that_ends_in_the_batch_that_starts_it_leaves_nothing(reopen: Opener) -> None:
    store = reopen()
    store.commit([Unit(A, effects=[effect(1)]), Unit(A, finished=effect(1).effect_id)], 5)
    assert reopen().recover_effects(ALL) == []


def test_a_second_owner_is_kept_out(reopen: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vareon_runtime.storage.sqlite.LOCK_PATIENCE_S", 0.05)
    first = reopen()
    second = first if isinstance(first, MemoryStore) else SqliteStore(first._path)
    with pytest.raises(StoreFailed):
        second.open("host", "other")


def test_a_fenced_owner_writes_nothing(reopen: Opener) -> None:
    store = reopen()
    if isinstance(store, SqliteStore):
        assert store._writer is not None
        store._writer.execute("UPDATE hosts SET fenced = 1")
    else:
        assert isinstance(store, MemoryStore)
        store.fence()
    with pytest.raises(StaleOwner):
        store.commit([Unit(A, state(A, 1))], 5)
    assert reopen().load([Wanted(A)])[0].state is None


def test_a_tombstone_stays(reopen: Opener) -> None:
    store = reopen()
    store.commit([Unit(A, state(A, 1))], 5)
    store.commit([Unit(A, state(A, 2, b"", deleted=True))], 6)
    found = reopen().load([Wanted(A)])[0].state
    assert found is not None
    assert found.deleted


def test_columns_may_be_named_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "vareon.db"
    migrate(f"sqlite:///{path}")
    store = SqliteStore(path)
    store.open("host", "life")
    first = user("ann")
    shuffled = RowChange(first.verb, first.table, dict(reversed(list(first.values.items()))), {})
    renamed = RowChange(
        "update", first.table, {"hashed_password": "y", "username": "eve"}, {"id": "id-ann"}
    )
    assert store.commit([Unit(A, rows=[shuffled, renamed])], 5) == [None]
    reader = sqlite3.connect(path)
    rows = reader.execute("SELECT id, username, hashed_password, is_active FROM users").fetchall()
    reader.close()
    store.close()
    assert rows == [("id-ann", "eve", "y", 1)]


def test_no_column_has_a_default_that_only_python_knows() -> None:
    """The committer writes what it is given: a hidden default would shift its parameters."""
    hidden = [
        str(column)
        for table in Base.metadata.tables.values()
        for column in table.columns
        if column.default is not None or column.onupdate is not None
    ]
    assert not hidden


def test_rows_of_the_engine_are_found_by_their_columns(reopen: Opener) -> None:
    store = reopen()
    table = ReminderRow.__table__
    rows = [
        RowChange(
            "upsert",
            table,
            {"kind": "k", "key": key, "name": "n", "shard": shard, "due_ms": due, "plan": b"p"},
            {},
        )
        for key, shard, due in (("a", 1, 30), ("b", 2, 20), ("c", 1, 10), ("d", 1, 99))
    ]
    assert store.commit([Unit(A, rows=rows)], 1) == [None]
    due = store.find(table, {"shard": [1, 2]}, up_to=("due_ms", 30))
    assert [row["key"] for row in due] == ["c", "b", "a"]
    later = store.find(table, {}, up_to=("due_ms", 30), at_least=20)
    assert [row["key"] for row in later] == ["b", "a"]
    assert [row["key"] for row in store.find(table, {"shard": 1}, limit=2)] == ["a", "c"]
    gone = RowChange("delete", table, {}, {"kind": "k", "key": "a", "name": "n"})
    assert store.commit([Unit(A, rows=[gone])], 1) == [None]
    assert not store.find(table, {"key": "a"})


def test_channels_are_loaded_with_their_entity(reopen: Opener) -> None:
    store = reopen()
    names = ("kind", "key", "peer_kind", "peer_key", "sent", "handled")
    values = dict(zip(names, (*A, *B, 3, 7), strict=True))
    row = RowChange("upsert", ChannelRow.__table__, values, {})
    assert store.commit([Unit(A, rows=[row])], 1) == [None]
    found = store.load([Wanted(A, peers=(B,)), Wanted(B, peers=(A,))])
    assert found[0].channels == {B: Channel(3, 7)}
    assert found[1].channels == {}


def test_an_owner_tends_its_lease_and_a_fenced_one_cannot(reopen: Opener) -> None:
    store = reopen()
    tenure = store.tend(1_000)
    assert tenure.shards == frozenset(ALL)
    assert tenure.members == ("host",)
    later = reopen()
    assert later.tend(1_000).epoch > tenure.epoch


def test_shards_move_by_lease_between_hosts_that_share_a_database() -> None:
    database = MemoryDatabase()
    one, two = MemoryStore(database, shared=True), MemoryStore(database, shared=True)
    one.open("one", "life-1")
    assert one.tend(0).shards == frozenset(ALL)
    two.open("two", "life-2")
    assert not two.tend(0).shards
    wanted = [s for s in ALL if owner_of(s, ("one", "two")) == "two"]
    assert one.tend(100, wanted).shards == frozenset(ALL) - frozenset(wanted)
    assert two.tend(200).shards == frozenset(wanted)
    taken = two.tend(200 + LEASE_MS)
    assert taken.shards == frozenset(ALL)
    assert taken.members == ("two",)
    with pytest.raises(StaleOwner):
        one.tend(200 + LEASE_MS)
    with pytest.raises(StaleOwner):
        one.commit([Unit(A, state=state(A, 1))], 1)


def test_the_inbox_is_walked_through_and_what_is_over_is_deleted(reopen: Opener) -> None:
    store = reopen()
    started = 5_000_000
    effect_id = started.to_bytes(6, "big") + b"\x70" + bytes(9)
    rows = [
        (derived_id("old"), 1_000, b"r"),
        (derived_id("new"), 9_000_000, b"r"),
        (derived_id("open"), 1_000, None),
        (inner_id("before the effect began"), started - 1, b"r"),
        (inner_id("since the effect began"), started + 1, b"r"),
    ]
    for message_id, now_ms, reply in rows:
        record = InboxRecord(A, message_id, b"d" * 8, reply)
        assert store.commit([Unit(A, inbox=record)], now_ms) == [None]
    effect = EffectRecord(effect_id, A, shard_of(A), "work", 1, b"")
    assert store.commit([Unit(A, effects=[effect])], 1) == [None]

    def walk() -> set[bytes]:
        at, seen, deleted = None, 0, 0
        while True:
            swept = store.sweep_inbox(at, 2, 8_000_000)
            seen, deleted, at = seen + swept.seen, deleted + swept.deleted, swept.at
            if at is None:
                break
        kept = store.load([Wanted(A, tuple(row[0] for row in rows))])[0].inbox
        assert seen - deleted == len(kept)
        return set(kept)

    assert walk() == {rows[1][0], rows[2][0], rows[4][0]}
    assert walk() == {rows[1][0], rows[2][0], rows[4][0]}
    assert store.commit([Unit(A, finished=effect_id)], 1) == [None]
    assert walk() == {rows[1][0], rows[2][0]}
    assert store.cut_log() >= 0


def test_a_commit_that_was_answered_is_settled(reopen: Opener) -> None:
    store = reopen()
    assert store.settle() is False
    assert store.commit([Unit(A, state=StateRecord(A, 1, 1, b"one"))], 0) == [None]
    assert store.settle() is False


def test_what_can_never_be_stored_blames_its_own_unit_alone(reopen: Opener) -> None:
    store = reopen()
    nameless = user("eve")
    odd = RowChange("upsert", nameless.table, {**nameless.values, "shoe_size": 41}, {})
    keyless = RowChange("upsert", nameless.table, {"username": "eve"}, {})
    empty = RowChange("upsert", nameless.table, {**nameless.values, "username": None}, {})
    units = [
        Unit(A, state(A, 1)),
        Unit(B, state(B, 1), rows=[user("ann"), odd]),
        Unit(EntityId("counter", "c"), rows=[keyless]),
        Unit(EntityId("counter", "d"), rows=[empty]),
        Unit(EntityId("counter", "e"), rows=[user("ann")]),
    ]
    outcomes = store.commit(units, 5)
    assert [type(outcome) for outcome in outcomes] == [
        type(None),
        InternalError,
        type(outcomes[2]),
        Conflict,
        type(None),
    ], "ann's name is free, for the unit that had it first was not stored"
    assert isinstance(outcomes[2], InternalError | Conflict)
    assert "shoe_size" in outcomes[1].detail
    assert store.load([Wanted(A)])[0].state == state(A, 1)
    assert store.load([Wanted(B)])[0].state is None
