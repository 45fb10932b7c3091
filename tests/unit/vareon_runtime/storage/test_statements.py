"""What SQLite makes of our statements."""

from __future__ import annotations

import sqlite3

import pytest

from vareon_runtime.storage import statements


@pytest.mark.parametrize("rows", [1, 2, 64])
@pytest.mark.parametrize("verb", ["SELECT * FROM", "DELETE FROM"])
def test_rows_picked_by_several_columns_are_looked_up_not_scanned(verb: str, rows: int) -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE things (kind, key, x, PRIMARY KEY (kind, key)) WITHOUT ROWID")
    condition = statements.any_of(("kind", "key"), rows)
    plan = database.execute(
        f"EXPLAIN QUERY PLAN {verb} things WHERE {condition}", ["x"] * 2 * rows
    ).fetchall()
    steps = [step[3] for step in plan]
    assert "SEARCH things USING PRIMARY KEY (kind=? AND key=?)" in steps
    assert "SCAN things" not in steps
    database.close()
