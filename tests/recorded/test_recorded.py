"""What earlier versions wrote can be read, and no shape changes unseen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.recorded import ledger
from tests.recorded.files import file_of, fingerprints, recorded
from tests.recorded.ledger import GetLedger, Ledger, LedgerState
from tests.recorded.shapes import example, fingerprint, stored_types, version_of
from vareon_runtime import codec
from vareon_runtime.errors import InvalidMessage
from vareon_runtime.identity import EntityId
from vareon_runtime.message import State
from vareon_runtime.storage.ports import StateRecord, Unit, Wanted
from vareon_runtime.testing import InProcessCluster

TYPES = stored_types()
VERSIONED = [name for name, klass in TYPES.items() if version_of(klass)]
RECORDED = recorded()
L = EntityId("ledger", "l")
HINT = "raise its schema_version, add the upgrade, and run `python -m tests.recorded`"


@pytest.mark.parametrize("name", VERSIONED)
def test_the_present_version_of_every_stored_type_is_recorded(name: str) -> None:
    klass = TYPES[name]
    file = file_of(name, version_of(klass))
    assert file.exists(), "run `python -m tests.recorded`"
    assert codec.decode(klass, file.read_bytes()) == example(klass)


@pytest.mark.parametrize("name", VERSIONED)
def test_no_shape_changes_without_a_new_version(name: str) -> None:
    klass, version = TYPES[name], version_of(TYPES[name])
    known = fingerprints().get(f"{name}.{version}")
    assert fingerprint(klass) == known, f"the fields of {name} version {version} changed: {HINT}"


@pytest.mark.parametrize(("name", "version", "file"), RECORDED)
def test_every_recorded_version_can_be_read(name: str, version: int, file: Path) -> None:
    assert name in TYPES, f"{name} was stored once: keep a type that reads it"
    raw = file.read_bytes()
    assert raw[0] == version
    value = codec.decode(TYPES[name], raw)
    assert isinstance(value, TYPES[name])
    if isinstance(value, State):
        assert codec.decode_state(type(value), version, raw[1:]) == value


def test_a_change_of_fields_types_or_defaults_is_seen_and_a_text_is_not() -> None:
    class Plain(State):
        amount: int = 0

    def shape(fields: list[Any], doc: str = "") -> str:
        made = msgspec.defstruct("Plain", fields, bases=(State,), namespace={"__doc__": doc})
        return fingerprint(made)

    same = shape([("amount", int, 0)])
    assert shape([("amount", int, 0)], "Said in other words.") == same
    assert fingerprint(Plain) == same
    inner = msgspec.defstruct("Inner", [("x", int)])
    wider = msgspec.defstruct("Inner", [("x", int), ("y", int, 0)])
    others = [
        shape([("amount", float, 0)]),
        shape([("amount", int, 1)]),
        shape([("total", int, 0)]),
        shape([("amount", int, 0), ("more", str, "")]),
        shape([("amount", inner)]),
        shape([("amount", wider)]),
    ]
    assert len({same, *others}) == len(others) + 1


@pytest.mark.parametrize(
    ("version", "wanted"),
    [(1, [250, "EUR", 2, ""]), (2, [250, "CHF", 3, ""]), (3, [7, "text", 7, "text"])],
)
async def test_a_state_of_any_version_lives_on(
    tmp_path: Path, version: int, wanted: list[Any]
) -> None:
    raw = file_of("LedgerState", version).read_bytes()[1:]
    async with InProcessCluster(tmp_path, [Ledger]) as cluster:
        assert cluster.host is not None
        store = cluster.host.store
        assert store.commit([Unit(L, state=StateRecord(L, 5, version, raw))], 1) == [None]
        assert await cluster.bus.ask(L, GetLedger()) == wanted
        assert await cluster.bus.ask(L, ledger.Book(1, "EUR", "new")) == wanted[0] + 1
        await cluster.kill_host()
        await cluster.start_host()
        after = [wanted[0] + 1, wanted[1], wanted[2] + 1, "new"]
        assert await cluster.bus.ask(L, GetLedger()) == after
        stored = cluster.host.store.load([Wanted(L)])[0].state
        assert stored is not None
        assert stored.schema_version == 3
        assert codec.decode_state(LedgerState, 3, stored.state).booked == after[2]


@pytest.mark.parametrize(
    ("version", "text"), [(1, "before texts"), (2, "before texts"), (3, "text")]
)
async def test_a_message_of_any_version_is_handled(tmp_path: Path, version: int, text: str) -> None:
    body = file_of("Book", version).read_bytes()
    async with InProcessCluster(tmp_path, [Ledger]) as cluster:
        await cluster.bus._ask(L, "Book", body, 0, None, None, 2.0, None)
        assert (await cluster.bus.ask(L, GetLedger()))[2:] == [1, text]


async def test_a_state_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    async with InProcessCluster(tmp_path, [Ledger]) as cluster:
        assert cluster.host is not None
        store = cluster.host.store
        record = StateRecord(L, 5, 4, b"\x80")
        assert store.commit([Unit(L, state=record)], 1) == [None]
        for _ in range(2):
            with pytest.raises(InvalidMessage, match="newer"):
                await cluster.bus.ask(L, ledger.Book(1, "EUR", "new"))
        assert store.load([Wanted(L)])[0].state == record
