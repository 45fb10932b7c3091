"""What a keyed request read, told again as it was."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData

from vareon_runtime.errors import InternalError
from web.found import MOST_FOUND, Found

ONE, TWO = text("SELECT 1"), text("SELECT 2")
AT = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)


class Live:
    """Rows as they are now."""

    def __init__(self, *values: Any) -> None:
        self.values, self.reads = values, 0

    async def rows(self, _statement: Any) -> list[Any]:
        self.reads += 1
        columns = [f"c{n}" for n in range(len(self.values))]
        found = [self.values] if self.values else []
        return list(IteratorResult(SimpleResultMetaData(columns), iter(found)))


async def test_rows_are_what_they_were() -> None:
    """By name and by position, also where nothing was found; what follows is read anew."""
    found, before = Found(), Live("x", 1, 0.5, True, None, b"b", AT)
    assert await found.rows(ONE, before.rows) == [before.values]
    assert await found.rows(TWO, Live().rows) == []
    kept = found.end()
    again, now = Found(kept), Live("other")
    (row,) = await again.rows(ONE, now.rows)
    assert tuple(row) == before.values
    assert (row.c0, row.c6) == ("x", AT)
    assert await again.rows(TWO, now.rows) == []
    assert now.reads == 0
    assert again.end() == b"", "it is kept already"
    assert await again.rows(ONE, now.rows) == [("other",)]
    assert await found.rows(ONE, now.rows) == [("other",)]
    assert now.reads == 2


async def test_whoever_asks_for_something_else_reads_what_is() -> None:
    """A newer front door may serve the repeat."""
    found = Found()
    await found.rows(ONE, Live("x").rows)
    again, now = Found(found.end()), Live("now")
    assert await again.rows(TWO, now.rows) == [("now",)]
    assert await again.rows(ONE, now.rows) == [("now",)]
    assert again.end() == b""


async def test_nothing_read_is_nothing_kept() -> None:
    assert Found().end() == b""


@pytest.mark.parametrize("value", ["x" * MOST_FOUND, (1, 2)], ids=["too much", "of no kind"])
async def test_what_cannot_be_kept_is_an_error(value: Any) -> None:
    found = Found()
    await found.rows(ONE, Live(value).rows)
    with pytest.raises(InternalError):
        found.end()
