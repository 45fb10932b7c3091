"""Triggers in the database that write down who writes what, so that no stale write stays unseen.

They are the test's own: each change of an entity's row leaves its epoch, and each takeover leaves
the epoch that was granted. A file has one order of writing, and the trail is in it.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from vareon_runtime.testing.history import Record

_PATIENCE_S = 10.0
_SETUP = """
CREATE TABLE IF NOT EXISTS chaos_trail (
    seq INTEGER PRIMARY KEY, kind TEXT, key TEXT, version INTEGER, epoch INTEGER
);
CREATE TRIGGER IF NOT EXISTS chaos_made AFTER INSERT ON entities BEGIN
    INSERT INTO chaos_trail (kind, key, version, epoch)
    VALUES (new.kind, new.key, new.version, new.epoch);
END;
CREATE TRIGGER IF NOT EXISTS chaos_changed AFTER UPDATE ON entities BEGIN
    INSERT INTO chaos_trail (kind, key, version, epoch)
    VALUES (new.kind, new.key, new.version, new.epoch);
END;
CREATE TRIGGER IF NOT EXISTS chaos_taken AFTER UPDATE ON shards WHEN new.shard = 0 BEGIN
    INSERT INTO chaos_trail (kind, key, version, epoch) VALUES ('', '', 0, new.epoch);
END;
"""


class Trail:
    """What was written since the last look.

    Args:
        path: The database file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = 0
        self._granted = 0

    def begin(self) -> None:
        """Put the triggers in."""
        with sqlite3.connect(self._path, timeout=_PATIENCE_S) as connection:
            connection.executescript(_SETUP)
            found = connection.execute("SELECT max(epoch) FROM shards").fetchone()[0]
        connection.close()
        self._granted = found or 0

    def since(self) -> list[Record]:
        """A ``commit`` record for each row that was written since the last look."""
        connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=_PATIENCE_S)
        rows = connection.execute(
            "SELECT seq, kind, key, version, epoch FROM chaos_trail WHERE seq > ? ORDER BY seq",
            (self._seen,),
        ).fetchall()
        connection.close()
        records = []
        for seq, kind, key, version, epoch in rows:
            self._seen = seq
            if kind:
                value = {"epoch": epoch, "granted": self._granted, "version": version}
                records.append(Record("commit", seq, entity=f"{kind}/{key}", value=value))
            else:
                self._granted = max(self._granted, epoch)
        return records
