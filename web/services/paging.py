"""Pages that stay stable while rows are added: by cursor, or by skipping."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Select, and_, or_
from sqlalchemy.orm import InstrumentedAttribute

from vareon_runtime.errors import InvalidMessage
from vareon_runtime.storage.base import rfc3339

AnySelect = Select[*tuple[Any, ...]]
MOST = 1000
MOST_SKIPPED = 1_000_000
_FIELDS = frozenset({"skip", "limit", "cursor"})


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted."""

    skip: int
    limit: int
    after: tuple[Any, str] | None = None
    """Sort value and id of the last row of the page before."""

    @classmethod
    def asked(cls, query: Mapping[str, str], limit: int = 100, sorted_by: type = datetime) -> Page:
        """Read ``skip``, ``limit`` and ``cursor``.

        Args:
            query: The request's parameters.
            limit: How many rows when the caller does not say.
            sorted_by: Type of the column that a cursor of this list points into.

        Raises:
            InvalidMessage: If one of them makes no sense.
        """
        unknown = set(query) - _FIELDS
        if unknown:
            raise _bad(min(unknown)[:60], "This list does not know this parameter.")
        if len(query) != len(set(query)):
            raise _bad("query", "A parameter is given twice.")
        cursor = query.get("cursor")
        return cls(
            _number(query, "skip", 0, 0, MOST_SKIPPED),
            _number(query, "limit", limit, 1, MOST),
            None if cursor is None else _read_cursor(cursor, sorted_by),
        )

    def of(
        self,
        statement: AnySelect,
        order: InstrumentedAttribute[Any],
        tie: InstrumentedAttribute[str],
        *,
        newest_first: bool = False,
    ) -> AnySelect:
        """The statement for this page, and one row more that tells whether there is a next."""
        if self.after is not None:
            value, last = self.after
            beyond = order < value if newest_first else order > value
            beyond_tie = tie < last if newest_first else tie > last
            statement = statement.where(or_(beyond, and_(order == value, beyond_tie)))
        columns = (order.desc(), tie.desc()) if newest_first else (order.asc(), tie.asc())
        return statement.order_by(*columns).offset(self.skip).limit(self.limit + 1)

    def cut(self, rows: list[Any], order: str, tie: str = "id") -> tuple[list[Any], str | None]:
        """The page's rows, and the cursor of the next page if there is one."""
        if len(rows) <= self.limit:
            return rows, None
        kept = rows[: self.limit]
        return kept, _cursor(getattr(kept[-1], order), getattr(kept[-1], tie))


def _number(query: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and low <= int(text) <= high):
        raise _bad(name, f"A number from {low} to {high}.")
    return int(text)


def _cursor(value: Any, tie: str) -> str:
    told = rfc3339(value) if isinstance(value, datetime) else value
    return base64.urlsafe_b64encode(orjson.dumps([told, tie])).decode().rstrip("=")


def _read_cursor(text: str, sorted_by: type) -> tuple[Any, str]:
    try:
        value, tie = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if isinstance(value, str):
            value = datetime.fromisoformat(value).astimezone(UTC)
        if type(value) is not sorted_by or not isinstance(tie, str):
            raise TypeError
    except (ValueError, TypeError, OverflowError, binascii.Error) as error:
        raise _bad("cursor", "Not a cursor of this list.") from error
    return value, tie


def _bad(name: str, message: str) -> InvalidMessage:
    return InvalidMessage(
        f"'{name}' is not valid: {message}",
        errors=({"loc": ["query", name], "message": message},),
    )
