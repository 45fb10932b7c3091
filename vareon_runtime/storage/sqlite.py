"""The store on one SQLite file: WAL, ``synchronous=FULL``, one writing process.

The first statement of every commit is the guarded update of the host's own row: a host that was
fenced changes nothing there and so writes nothing at all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Table

from vareon_runtime.errors import (
    Conflict,
    InternalError,
    StaleOwner,
    StoreFailed,
    Unavailable,
    VareonError,
)
from vareon_runtime.identity import SHARDS, EntityId, MessageId
from vareon_runtime.storage import batch, statements, upkeep
from vareon_runtime.storage.lock import FileLock
from vareon_runtime.storage.ports import (
    FIND_LIMIT,
    LEASE_MS,
    Channel,
    EffectRecord,
    InboxKey,
    InboxRecord,
    Loaded,
    StateRecord,
    Swept,
    Tenure,
    Unit,
    Wanted,
)

LOCK_PATIENCE_S = 5.0
LOAD_CHUNK = 64

ALL_SHARDS = frozenset(range(SHARDS))
WRITTEN = "SELECT commit_seq FROM hosts WHERE incarnation = ?"
GUARD = "UPDATE hosts SET commit_seq = commit_seq + 1 WHERE incarnation = ? AND fenced = 0"
UNFENCED = "SELECT count(*) FROM hosts WHERE incarnation = ? AND fenced = 0"
RENEW = "UPDATE hosts SET lease_until_ms = ? WHERE incarnation = ? AND fenced = 0"
GUARD_AND_COUNT = f"{GUARD} RETURNING commit_seq"

_WRONG_STATEMENT = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH)
"""Such as a table or a column that is not there, or a value that is too long."""


class SqliteStore:
    """See `vareon_runtime.storage.ports.Store`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(path.with_name(path.name + ".lock"))
        self._host = ""
        self._incarnation = ""
        self._epoch = 0
        self._unknown = 0
        """What the guard counts if the last commit was written; 0 once that is known."""
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None

    def open(self, host: str, incarnation: str) -> None:
        """See `Store.open`."""
        self._lock.acquire(LOCK_PATIENCE_S)
        try:
            self._writer = self._connect()
            self._reader = self._connect()
            self._take_over(self._writer, host, incarnation)
        except sqlite3.Error as error:
            self.close()
            raise StoreFailed(f"The database {self._path.name} cannot be used: {error}.") from error
        self._host, self._incarnation, self._unknown = host, incarnation, 0

    def tend(self, now_ms: int, released: Collection[int] = ()) -> Tenure:
        """See `Store.tend`. The file has one writer, so every shard is always its own."""
        writer = self._require(self._writer)
        try:
            renewed = writer.execute(RENEW, (now_ms + LEASE_MS, self._incarnation)).rowcount
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) != sqlite3.SQLITE_FULL:
                raise StoreFailed(f"The lease could not be renewed: {error}.", 1.0) from error
            # Nobody else can take the file on a full disk either: reads go on.
            renewed = int(writer.execute(UNFENCED, (self._incarnation,)).fetchone()[0])
        if renewed != 1:
            raise StaleOwner("This host was replaced; ask again.")
        return Tenure(ALL_SHARDS, self._epoch, (self._host,))

    def load(self, wanted: Sequence[Wanted]) -> list[Loaded]:
        """See `Store.load`."""
        states: dict[EntityId, StateRecord] = {}
        inbox: dict[EntityId, dict[MessageId, InboxRecord]] = {}
        channels: dict[EntityId, dict[EntityId, Channel]] = {}
        reader = self._require(self._reader)
        try:
            for at in range(0, len(wanted), LOAD_CHUNK):
                part = wanted[at : at + LOAD_CHUNK]
                self._load_states(reader, part, states)
                self._load_inbox(reader, part, inbox)
                self._load_channels(reader, part, channels)
        except sqlite3.Error as error:
            raise StoreFailed(f"The database could not be read: {error}.") from error
        return [
            Loaded(states.get(w.target), inbox.get(w.target, {}), channels.get(w.target, {}))
            for w in wanted
        ]

    def find(
        self,
        table: Table,
        where: Mapping[str, Any],
        *,
        up_to: tuple[str, int] | None = None,
        at_least: int | None = None,
        limit: int = FIND_LIMIT,
    ) -> list[dict[str, Any]]:
        """See `Store.find`."""
        sql, values = statements.find_sql(table, where, up_to, at_least, limit)
        names = [column.name for column in table.columns]
        try:
            rows = self._require(self._reader).execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise StoreFailed(f"The database could not be read: {error}.") from error
        return [dict(zip(names, row, strict=True)) for row in rows]

    def commit(self, units: Sequence[Unit], now_ms: int) -> list[VareonError | None]:
        """See `Store.commit`."""
        try:
            self._transaction(units, now_ms)
        except (StaleOwner, StoreFailed):
            raise
        except Exception as error:
            if isinstance(error, sqlite3.Error) and not _by_what_is_written(error):
                raise StoreFailed(f"The database refused a commit: {error}.", 1.0) from error
            return self._one_by_one(units, now_ms)
        return [None] * len(units)

    def settle(self) -> bool:
        """See `Store.settle`: the guard counts what this life has written, in every commit."""
        writer = self._require(self._writer)
        try:
            row = writer.execute(WRITTEN, (self._incarnation,)).fetchone()
        except sqlite3.Error as error:
            raise StoreFailed(f"The database could not be read: {error}.", 1.0) from error
        unknown, self._unknown = self._unknown, 0
        return bool(unknown and row and row[0] >= unknown)

    def recover_effects(self, shards: Collection[int]) -> list[EffectRecord]:
        """See `Store.recover_effects`."""
        writer = self._require(self._writer)
        some = sorted(shards)
        marks = ",".join("?" * len(some))
        try:
            rows = writer.execute(
                "UPDATE effects SET attempts = attempts + 1"  # noqa: S608
                f" WHERE shard IN ({marks})"
                " RETURNING effect_id, kind, key, shard, name, attempts, call",
                some,
            ).fetchall()
        except sqlite3.Error as error:
            raise StoreFailed(f"The effects could not be taken up: {error}.", 1.0) from error
        return [
            EffectRecord(effect_id, EntityId(kind, key), shard, name, attempts, call)
            for effect_id, kind, key, shard, name, attempts, call in rows
        ]

    def sweep_inbox(self, after: InboxKey | None, limit: int, before_ms: int) -> Swept:
        """See `Store.sweep_inbox`."""
        try:
            return upkeep.sweep_inbox(self._require(self._writer), after, limit, before_ms)
        except sqlite3.Error as error:
            raise StoreFailed(f"Old rows could not be deleted: {error}.") from error

    def cut_log(self) -> int:
        """See `Store.cut_log`."""
        try:
            return upkeep.cut_log(self._require(self._writer), self._path)
        except sqlite3.Error as error:
            raise StoreFailed(f"The log could not be cut: {error}.") from error

    def close(self) -> None:
        """See `Store.close`."""
        for connection in (self._writer, self._reader):
            if connection is not None:
                connection.close()
        self._writer = self._reader = None
        self._lock.release()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, cached_statements=512
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA busy_timeout = 5000")
        if connection.execute("PRAGMA synchronous").fetchone()[0] != 2:
            raise StoreFailed("SQLite does not sync every commit here.")
        return connection

    def _require(self, connection: sqlite3.Connection | None) -> sqlite3.Connection:
        if connection is None:
            raise StoreFailed("The store is not open.")
        return connection

    def _take_over(self, writer: sqlite3.Connection, host: str, incarnation: str) -> None:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE hosts SET fenced = 1 WHERE fenced = 0")
        writer.execute(
            "DELETE FROM hosts WHERE incarnation NOT IN"
            " (SELECT incarnation FROM hosts ORDER BY incarnation DESC LIMIT 100)"
        )
        writer.execute(
            "INSERT INTO hosts (incarnation, name, lease_until_ms, commit_seq, fenced)"
            " VALUES (?, ?, 0, 0, 0)",
            (incarnation, host),
        )
        found = writer.execute("SELECT max(epoch) FROM shards").fetchone()[0]
        self._epoch = (found or 0) + 1
        writer.executemany(
            "INSERT INTO shards (shard, owner, epoch) VALUES (?, ?, ?)"
            " ON CONFLICT (shard) DO UPDATE SET owner = excluded.owner, epoch = excluded.epoch",
            [(shard, incarnation, self._epoch) for shard in range(SHARDS)],
        )
        writer.execute("COMMIT")

    def _transaction(self, units: Sequence[Unit], now_ms: int) -> None:
        writer = self._require(self._writer)
        self._unknown = 0
        writer.execute("BEGIN IMMEDIATE")
        try:
            guarded = writer.execute(GUARD_AND_COUNT, (self._incarnation,)).fetchall()
            if not guarded:
                raise StaleOwner("This host was replaced; ask again.")
            self._unknown = guarded[0][0]
            batch.write(writer, units, self._epoch, now_ms)
            writer.execute("COMMIT")
            self._unknown = 0
        except BaseException:
            if writer.in_transaction:
                writer.execute("ROLLBACK")
            raise

    def _one_by_one(self, units: Sequence[Unit], now_ms: int) -> list[VareonError | None]:
        outcomes: list[VareonError | None] = []
        failed: set[EntityId] = set()
        for unit in units:
            if unit.target in failed:
                outcomes.append(Unavailable("An earlier change of this entity was refused.", 0.1))
                continue
            try:
                outcome = self._one(unit, now_ms)
            except StoreFailed:
                if len(units) == 1:
                    raise
                break
            if outcome is not None:
                failed.add(unit.target)
            outcomes.append(outcome)
        return outcomes

    def _one(self, unit: Unit, now_ms: int) -> VareonError | None:
        try:
            self._transaction([unit], now_ms)
        except sqlite3.IntegrityError as error:
            return _conflict(error)
        except (StaleOwner, StoreFailed):
            raise
        except VareonError as error:
            return error
        except Exception as error:
            if isinstance(error, sqlite3.Error) and not _by_what_is_written(error):
                raise StoreFailed(f"The database refused a commit: {error}.", 1.0) from error
            # A row may hold anything; its neighbours go on.
            return InternalError(f"What this turn writes cannot be stored: {error}.")
        return None

    def _load_states(
        self, reader: sqlite3.Connection, part: Sequence[Wanted], into: dict[EntityId, StateRecord]
    ) -> None:
        wanted_rows = statements.any_of(("kind", "key"), len(part))
        rows = reader.execute(
            "SELECT kind, key, version, schema_version, state, deleted FROM entities"  # noqa: S608
            f" WHERE {wanted_rows}",
            [text for wanted in part for text in wanted.target],
        )
        for kind, key, version, schema, state, deleted in rows:
            target = EntityId(kind, key)
            into[target] = StateRecord(target, version, schema, state, bool(deleted))

    def _load_inbox(
        self,
        reader: sqlite3.Connection,
        part: Sequence[Wanted],
        into: dict[EntityId, dict[MessageId, InboxRecord]],
    ) -> None:
        ids: list[Any] = [
            value
            for wanted in part
            for message_id in wanted.message_ids
            for value in (message_id, *wanted.target)
        ]
        for at in range(0, len(ids), 3 * LOAD_CHUNK):
            some = ids[at : at + 3 * LOAD_CHUNK]
            wanted_rows = statements.any_of(("message_id", "kind", "key"), len(some) // 3)
            rows = reader.execute(
                "SELECT message_id, kind, key, digest, reply FROM inbox"  # noqa: S608
                f" WHERE {wanted_rows}",
                some,
            )
            for message_id, kind, key, digest, reply in rows:
                target = EntityId(kind, key)
                record = InboxRecord(target, message_id, digest, reply)
                into.setdefault(target, {})[message_id] = record

    def _load_channels(
        self,
        reader: sqlite3.Connection,
        part: Sequence[Wanted],
        into: dict[EntityId, dict[EntityId, Channel]],
    ) -> None:
        pairs = [(wanted.target, peer) for wanted in part for peer in wanted.peers]
        for at in range(0, len(pairs), LOAD_CHUNK):
            some = pairs[at : at + LOAD_CHUNK]
            wanted_rows = statements.any_of(("kind", "key", "peer_kind", "peer_key"), len(some))
            rows = reader.execute(
                "SELECT kind, key, peer_kind, peer_key, sent, handled FROM channels"  # noqa: S608
                f" WHERE {wanted_rows}",
                [text for target, peer in some for text in (*target, *peer)],
            )
            for kind, key, peer_kind, peer_key, sent, handled in rows:
                channel = Channel(sent, handled)
                into.setdefault(EntityId(kind, key), {})[EntityId(peer_kind, peer_key)] = channel


def _by_what_is_written(error: sqlite3.Error) -> bool:
    """Whether a statement or a value is to blame, and not the database as a whole."""
    if isinstance(error, sqlite3.OperationalError):
        return getattr(error, "sqlite_errorcode", 0) in _WRONG_STATEMENT
    return isinstance(
        error,
        sqlite3.IntegrityError
        | sqlite3.ProgrammingError
        | sqlite3.InterfaceError
        | sqlite3.DataError,
    )


def _conflict(error: sqlite3.IntegrityError) -> VareonError:
    text = str(error)
    if "UNIQUE" in text and "inbox." in text:
        return Unavailable("This message was handled already; ask again.", 0.02)
    if "UNIQUE" in text:
        column = text.rpartition(": ")[2].split(",")[0].rpartition(".")[2]
        return Conflict(f"That {column} is taken.")
    if "FOREIGN KEY" in text:
        return Conflict("Something this refers to does not exist any more.")
    return Conflict("The change does not fit what is stored.")
