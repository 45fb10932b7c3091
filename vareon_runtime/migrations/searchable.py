"""Makes a table's rows findable by their words, within the transaction that writes them.

A script calls `searchable` once for each table; the rows that are there are taken in as well. On
SQLite triggers copy a row's words into ``search_documents``, and FTS5 indexes those.
"""

# ruff: noqa: S608 - statements that make tables take no parameters; all of this is our own text

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from alembic import op

INDEX = "search_index"
EVERYBODY = "all"
_COLUMNS = ("scope", "title", "body")


@dataclass(frozen=True, slots=True)
class Searchable:
    """How rows of one table become documents. Each value is SQL over ``{row}``, the row.

    Attributes:
        owner: Whose it is; empty if everybody who may use the kind sees it.
        body: Words that count less than the title's.
        facts: What else a result shows.
    """

    kind: str
    table: str
    title: str
    owner: str = ""
    id: str = "{row}.id"
    body: str = "''"
    facts: Mapping[str, str] = field(default_factory=dict)
    updated_at: str = "{row}.updated_at"

    def values(self, row: str) -> dict[str, str]:
        """The document's columns as SQL."""
        owner = f"'o' || replace({self.owner}, '-', '')" if self.owner else f"'{EVERYBODY}'"
        facts = ", ".join(f"'{name}', {value}" for name, value in self.facts.items())
        found = {
            "kind": f"'{self.kind}'",
            "id": self.id,
            "scope": owner,
            "title": f"coalesce({self.title}, '')",
            "body": f"coalesce({self.body}, '')",
            "facts": f"json_object({facts})",
            "updated_at": self.updated_at,
        }
        return {name: value.replace("{row}", row) for name, value in found.items()}


def make_index() -> None:
    """The index over all documents, kept by triggers of its own."""
    columns = ", ".join(_COLUMNS)
    new = ", ".join(f"NEW.{name}" for name in _COLUMNS)
    old = ", ".join(f"OLD.{name}" for name in _COLUMNS)
    add = f"INSERT INTO {INDEX} (rowid, {columns}) VALUES (NEW.number, {new});"
    drop = f"INSERT INTO {INDEX} ({INDEX}, rowid, {columns}) VALUES ('delete', OLD.number, {old});"
    op.execute(
        f"CREATE VIRTUAL TABLE {INDEX} USING fts5({columns}, content='search_documents',"
        " content_rowid='number', tokenize='unicode61 remove_diacritics 2', prefix='2 3')"
    )
    documents = "ON search_documents BEGIN"
    op.execute(f"CREATE TRIGGER search_indexed AFTER INSERT {documents} {add} END")
    op.execute(f"CREATE TRIGGER search_unindexed AFTER DELETE {documents} {drop} END")
    changed = f"AFTER UPDATE OF {columns}"
    op.execute(f"CREATE TRIGGER search_reindexed {changed} {documents} {drop} {add} END")


def searchable(what: Searchable) -> None:
    """Make a table's rows findable from now on, those that are there included."""
    new, rows = what.values("NEW"), what.values(what.table)
    columns = ", ".join(new)
    op.execute(
        f"INSERT INTO search_documents ({columns}) SELECT {', '.join(rows.values())}"
        f" FROM {what.table}"
    )
    name, at = f"search_{what.kind}", f"ON {what.table}"
    op.execute(
        f"CREATE TRIGGER {name}_added AFTER INSERT {at} BEGIN INSERT INTO search_documents"
        f" ({columns}) VALUES ({', '.join(new.values())}); END"
    )
    place = f"kind = '{what.kind}' AND id = {what.id.replace('{row}', 'OLD')}"
    compared = {name: new[name] for name in ("scope", "title", "body", "facts")}
    sets = ", ".join(f"{name} = {new[name]}" for name in (*compared, "updated_at"))
    old = what.values("OLD")
    differs = " OR ".join(f"{old[name]} IS NOT {value}" for name, value in compared.items())
    op.execute(
        f"CREATE TRIGGER {name}_changed AFTER UPDATE {at} WHEN {differs} BEGIN"
        f" UPDATE search_documents SET {sets} WHERE {place}; END"
    )
    op.execute(
        f"CREATE TRIGGER {name}_removed AFTER DELETE {at} BEGIN"
        f" DELETE FROM search_documents WHERE {place}; END"
    )
