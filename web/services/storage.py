"""How much is stored: rows and bytes of each family of tables, the file and its log."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from vareon_runtime.clock import Clock
from web.services.accounts import Rows

REMEMBERED_S = 30.0
REST = 20.0
"""What took a second is not measured again for so many."""
PRODUCT = "product"
FAMILIES = {
    "entities": "entities",
    "inbox": "inbox",
    "outbox": "messages",
    "channels": "messages",
    "subscriptions": "messages",
    "effects": "effects",
    "journal": "effects",
    "signals": "effects",
    "reminders": "reminders",
    "dead_letters": "dead letters",
    "suspects": "dead letters",
    "mails": "mail",
    **dict.fromkeys(("search_documents", "search_index"), "search"),
    **{f"search_index_{part}": "search" for part in ("config", "data", "docsize", "idx")},
    "hosts": "hosts",
    "shards": "hosts",
    "alembic_version": "hosts",
}
"""What an operator thinks of together; tables that are not here are the product's."""

_TABLES = text("SELECT name, tbl_name, sql FROM sqlite_master WHERE type IN ('table', 'index')")
_PAGES = text(
    "SELECT name, sum(pgsize), sum(ncell), sum(CASE pagetype WHEN 'leaf' THEN ncell ELSE 0 END)"
    " FROM dbstat GROUP BY name"
)
_FILE = text("SELECT file FROM pragma_database_list WHERE name = 'main'")


@dataclass(slots=True)
class Family:
    """One family of tables."""

    family: str
    rows: int = 0
    bytes: int = 0


class Storage:
    """Measures when asked, and remembers it: it takes a walk through the whole file."""

    def __init__(self, rows: Rows, clock: Clock) -> None:
        self._rows = rows
        self._clock = clock
        self._measuring: asyncio.Task[dict[str, Any]] | None = None
        self._good_until = float("-inf")

    async def used(self) -> dict[str, Any]:
        """Rows and bytes as of the last half minute or so."""
        running = self._measuring
        over = running is None or (
            running.done()
            and (running.exception() is not None or self._clock.monotonic() >= self._good_until)
        )
        if over:
            running = asyncio.get_running_loop().create_task(self._measure())
            self._measuring = running
        assert running is not None  # noqa: S101 - narrows the type
        return await asyncio.shield(running)

    async def _measure(self) -> dict[str, Any]:
        began = self._clock.monotonic()
        tables = await self._rows.rows(_TABLES)
        try:
            families = await self._pages(tables)
        except OperationalError:
            families = await self._counts(tables)
        file = Path((await self._rows.rows(_FILE))[0][0])
        took_s = self._clock.monotonic() - began
        self._good_until = began + took_s + max(REMEMBERED_S, REST * took_s)
        return {
            "file_bytes": _size(file),
            "log_bytes": _size(file.with_name(file.name + "-wal")),
            "families": [asdict(family) for family in families],
        }

    async def _pages(self, tables: list[Any]) -> list[Family]:
        known = {name: (of_table, sql or "") for name, of_table, sql in tables}
        found: dict[str, Family] = {}
        for name, size, cells, leaves in await self._rows.rows(_PAGES):
            of_table, sql = known.get(name, (name, ""))
            family = _family(found, of_table)
            family.bytes += size
            if name == of_table and name in known:
                family.rows += cells if "WITHOUT ROWID" in sql.upper() else leaves
        return _ordered(found)

    async def _counts(self, tables: list[Any]) -> list[Family]:
        """Where SQLite was built without its page statistics: rows alone."""
        found: dict[str, Family] = {}
        for name, of_table, _ in tables:
            if name == of_table and not name.startswith("sqlite_"):
                count = text(f'SELECT count(*) FROM "{name}"')  # noqa: S608 - from the schema itself
                _family(found, name).rows += (await self._rows.rows(count))[0][0]
        return _ordered(found)


def _family(found: dict[str, Family], table: str) -> Family:
    name = FAMILIES.get(table, PRODUCT)
    return found.setdefault(name, Family(name))


def _ordered(found: dict[str, Family]) -> list[Family]:
    return sorted(found.values(), key=lambda family: (-family.bytes, -family.rows, family.family))


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
