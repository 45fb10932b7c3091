"""The audit log's entity."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from actors.system.audit import LONGEST, Audit
from actors.system.messages import RecordAudit
from tests.support.workbench import ADMIN, Workbench
from vareon_runtime.errors import NotPermitted
from vareon_runtime.models import AUDIT_BEGIN, AuditRow, audit_hash

ENTRY = RecordAudit("user", "role.create", "done", "admin-id", "role/1", "a: b", "::1", "r-1")


async def test_each_entry_is_bound_to_the_one_before(bench: Workbench) -> None:
    log = bench.entity(Audit, "log")
    assert [await bench.ask(log, ENTRY, None) for _ in range(3)] == [1, 2, 3]
    rows = await bench.read(select(AuditRow.__table__).order_by(AuditRow.number))
    before = AUDIT_BEGIN
    for row in rows:
        before = audit_hash(before, row._asdict())
        assert row.hash == before
    assert (log.state.number, log.state.hash) == (3, before)
    assert len({row.hash for row in rows}) == 3


@pytest.mark.parametrize("field", ["at", "user_id", "detail", "ip", "request_id", "number"])
async def test_no_field_can_be_changed_unnoticed(bench: Workbench, field: str) -> None:
    await bench.ask(bench.entity(Audit, "log"), ENTRY, None)
    (row,) = await bench.read(select(AuditRow.__table__))
    changed = {**row._asdict(), field: None}
    assert audit_hash(AUDIT_BEGIN, changed) != row.hash


def test_what_moves_from_one_field_to_the_next_changes_the_hash() -> None:
    """The fields are told apart, not run together."""
    entry = dict.fromkeys(("number", "at", *LONGEST), "")
    one = audit_hash(AUDIT_BEGIN, {**entry, "target": "ab"})
    assert one != audit_hash(AUDIT_BEGIN, {**entry, "target": "a", "result": "b"})


async def test_nobody_writes_about_themselves(bench: Workbench) -> None:
    with pytest.raises(NotPermitted):
        await bench.ask(bench.entity(Audit, "log"), ENTRY, ADMIN)


async def test_what_is_too_long_is_cut_and_the_clock_never_goes_back(bench: Workbench) -> None:
    log = bench.entity(Audit, "log")
    long = RecordAudit("user", "a" * 999, "done", detail="\ud800" + "d" * 999)
    await bench.ask(log, long, None)
    bench.clock.now_s -= 1000
    await bench.ask(log, ENTRY, None)
    first, second = await bench.read(select(AuditRow.__table__).order_by(AuditRow.number))
    assert (len(first.action), len(first.detail)) == (LONGEST["action"], LONGEST["detail"])
    assert first.at == second.at
