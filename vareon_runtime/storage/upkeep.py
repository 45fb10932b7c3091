"""Keeping a SQLite file small: old inbox rows, and the log that commits are written to first."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from vareon_runtime.identity import id_time_s
from vareon_runtime.storage import statements
from vareon_runtime.storage.ports import InboxKey, Swept, is_over

WAL_LIMIT = 32 * 1024 * 1024
"""Bytes of the log past which it is written back and cut."""
_PATIENCE_MS = 100
_PART = 64


def sweep_inbox(
    writer: sqlite3.Connection, after: InboxKey | None, limit: int, before_ms: int
) -> Swept:
    """See `Store.sweep_inbox`."""
    oldest = writer.execute("SELECT min(effect_id) FROM effects").fetchone()[0]
    running_since_ms = None if oldest is None else int(id_time_s(oldest) * 1000)
    rows = writer.execute(
        "SELECT message_id, kind, key, handled_at_ms, reply IS NULL FROM inbox"
        " WHERE (message_id, kind, key) > (?, ?, ?) ORDER BY message_id, kind, key LIMIT ?",
        [*(after or (b"", "", "")), limit],
    ).fetchall()
    over = [
        (message_id, kind, key)
        for message_id, kind, key, handled_at_ms, open_still in rows
        if not open_still and is_over(message_id, handled_at_ms, before_ms, running_since_ms)
    ]
    for at in range(0, len(over), _PART):
        some = over[at : at + _PART]
        condition = statements.any_of(("message_id", "kind", "key"), len(some))
        writer.execute(
            f"DELETE FROM inbox WHERE {condition}",  # noqa: S608
            [value for key in some for value in key],
        )
    end = len(rows) < limit
    return Swept(len(rows), len(over), None if end else InboxKey(*rows[-1][:3]))


def cut_log(writer: sqlite3.Connection, path: Path) -> int:
    """Write the log back into the file if it has grown long; the bytes it has now.

    Whoever reads at this moment keeps it from being cut; then the next time does it.
    """
    if _log_bytes(path) > WAL_LIMIT:
        writer.execute(f"PRAGMA busy_timeout = {_PATIENCE_MS}")
        try:
            writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            writer.execute("PRAGMA busy_timeout = 5000")
    return _log_bytes(path)


def _log_bytes(path: Path) -> int:
    try:
        return path.with_name(path.name + "-wal").stat().st_size
    except FileNotFoundError:
        return 0
