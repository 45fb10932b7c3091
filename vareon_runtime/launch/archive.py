"""A backup: every row of every table, in one file that knows no database's own format.

The file is gzip over lines of JSON: a head, then for each table its columns and its rows, at last
the number of rows of each table. Values that JSON has no word for are pairs: ``["b", base64]`` for
bytes, ``["t", RFC 3339]`` for moments, ``["j", document]`` for JSON columns.
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, MetaData, Table, create_engine, insert, select, text
from sqlalchemy.pool import NullPool

from vareon_runtime.errors import ConfigurationError
from vareon_runtime.migrations.own_tables import declare, make_tables
from vareon_runtime.migrations.run import HEAD, upgrade
from vareon_runtime.storage.base import rfc3339

FORMAT = 1
BATCH = 500
"""Rows in memory at once."""
LONGEST_LINE = 64 * 1024 * 1024
"""Characters of one row; anything longer is no backup of ours."""
Packed = gzip.GzipFile
_VERSION_TABLE = "alembic_version"
_MADE_BY_TRIGGERS = frozenset({"search_documents"})
"""Copies of words in other tables: writing those makes them anew."""
_VIRTUAL = text(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%'"
)


@dataclass(frozen=True, slots=True)
class Contents:
    """What a backup says of itself.

    Attributes:
        schema: The revision of the tables that it was made from.
        kept: Small texts beside the database, by name, such as the administrator's id.
    """

    made_at: str
    schema: str
    kept: dict[str, str]
    rows: dict[str, int]


def write(path: Path, into: IO[bytes], kept: dict[str, str]) -> Contents:
    """Copy a database that may be in use, as of one moment.

    Raises:
        ConfigurationError: If there is no database, or it has no tables yet.
    """
    with _reading(path) as connection, gzip.GzipFile(fileobj=into, mode="wb", mtime=0) as packed:
        tables = _reflected(connection)
        if _VERSION_TABLE not in tables.tables:
            raise ConfigurationError(f"{path} has no tables yet: start Vareon once on it.")
        schema = str(connection.scalar(select(tables.tables[_VERSION_TABLE].c.version_num)))
        made_at = rfc3339(datetime.now(UTC))
        head = {"vareon_backup": FORMAT, "made_at": made_at, "schema": schema, "kept": kept}
        _say(packed, head)
        rows: dict[str, int] = {}
        for table in tables.sorted_tables:
            if table.name != _VERSION_TABLE:
                rows[table.name] = _write_table(connection, table, packed)
        _say(packed, {"end": rows})
    return Contents(made_at, schema, kept, rows)


def restore(source: IO[bytes], path: Path, entities: Sequence[str] = ()) -> Contents:
    """Make a database from a backup, of this or an older version, and bring its tables up to date.

    Args:
        source: The backup.
        path: The file of the database, which is not there yet.
        entities: Modules of entities whose tables the backup may hold.

    Raises:
        ConfigurationError: If it is not a backup, is damaged, is newer than this program, or holds
            tables that no module declares. What was made at ``path`` until then is of no use.
    """
    try:
        with gzip.GzipFile(fileobj=source, mode="rb") as packed:
            return _restore(_lines(packed), path, entities)
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"The backup is damaged or is none ({str(error)[:200]}): use another copy of it."
        ) from error


def _restore(lines: Iterator[Any], path: Path, entities: Sequence[str]) -> Contents:
    head = next(lines, None)
    if not isinstance(head, dict) or head.get("vareon_backup") != FORMAT:
        raise ValueError("its first line is not that of a backup")
    schema = str(head["schema"])
    if schema > HEAD:
        raise ConfigurationError(
            f"The backup was made by a newer version (schema {schema}): install that version."
        )
    upgrade(path, schema)
    declare(entities)
    make_tables(f"sqlite:///{path}")
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    rows: dict[str, int] = {}
    with engine.begin() as connection:
        tables = _reflected(connection)
        for name, batch in _batches(lines, rows):
            if name not in tables.tables:
                raise ConfigurationError(
                    f"The backup holds the table {name[:80]}, which is none of the product's: name "
                    "the module that declares it in VAREON_ENTITIES."
                )
            connection.execute(insert(tables.tables[name]), _read_rows(tables.tables[name], batch))
    upgrade(path)
    kept = {str(name): str(value) for name, value in head["kept"].items()}
    return Contents(str(head["made_at"]), schema, kept, rows)


def _batches(
    lines: Iterator[Any], rows: dict[str, int]
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Rows by table, a few at a time; counts them, and compares the numbers at the end.

    Raises:
        ValueError: If the file ends too early, or the numbers differ.
    """
    table, columns, batch = "", [""], []
    for line in lines:
        if isinstance(line, list):
            batch.append(dict(zip(columns, line, strict=True)))
            rows[table] += 1
        if batch and (isinstance(line, dict) or len(batch) >= BATCH):
            yield table, batch
            batch = []
        if isinstance(line, dict) and "end" in line:
            # Only at the very end does gzip compare what it has read with its checksum.
            if line["end"] != rows or next(lines, None) is not None:
                raise ValueError("it does not hold the rows that it says")
            return
        if isinstance(line, dict):
            table, columns = line["table"], line["columns"]
            rows[table] = 0
    raise ValueError("its end is missing")


@contextmanager
def _reading(path: Path) -> Iterator[Connection]:
    """One transaction that only reads, so that all tables are of the same moment."""
    if not path.is_file():
        raise ConfigurationError(f"There is no database at {path}: start Vareon once on it.")
    engine = create_engine(f"sqlite:///file:{path}?mode=ro&uri=true", poolclass=NullPool)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("BEGIN")
        connection.exec_driver_sql("SELECT count(*) FROM sqlite_master")  # the moment is now
        try:
            yield connection
        finally:
            connection.exec_driver_sql("ROLLBACK")


def _reflected(connection: Connection) -> MetaData:
    """The tables that hold what was written, without those that are made from them."""
    virtual = [str(name) for (name,) in connection.execute(_VIRTUAL)]

    def written(name: str, _: MetaData) -> bool:
        shadow = any(name == one or name.startswith(f"{one}_") for one in virtual)
        return not shadow and name not in _MADE_BY_TRIGGERS

    found = MetaData()
    found.reflect(connection, only=written)
    return found


def _write_table(connection: Connection, table: Table, packed: Packed) -> int:
    _say(packed, {"table": table.name, "columns": [column.name for column in table.columns]})
    documents = [column.type.__class__.__name__ == "JSON" for column in table.columns]
    count = 0
    streaming = connection.execution_options(stream_results=True, max_row_buffer=BATCH)
    for row in streaming.execute(select(table)):
        _say(packed, [_told(value, doc) for value, doc in zip(row, documents, strict=True)])
        count += 1
    return count


def _told(value: Any, document: bool) -> Any:
    if document and value is not None:
        return ["j", value]
    if isinstance(value, bytes):
        return ["b", base64.b64encode(value).decode()]
    if isinstance(value, datetime):
        return ["t", rfc3339(value)]
    return value


def _read_rows(table: Table, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
    moments = {column.name for column in table.columns if column.type.python_type is datetime}
    return [
        {name: _read(value, moment=name in moments) for name, value in row.items()} for row in batch
    ]


def _read(value: Any, *, moment: bool) -> Any:
    if isinstance(value, list):
        kind, content = value
        if kind == "b":
            return base64.b64decode(content, validate=True)
        value = content
        if kind == "j":
            return value
    return datetime.fromisoformat(value) if moment and value is not None else value


def _say(packed: Packed, value: Any) -> None:
    packed.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")


def _lines(packed: Packed) -> Iterator[Any]:
    while line := packed.readline(LONGEST_LINE):
        yield json.loads(line)
