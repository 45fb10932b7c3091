"""Pages that stay stable while rows are added: by cursor, or by skipping."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Select, and_, or_
from sqlalchemy.orm import InstrumentedAttribute

from vareon_runtime.storage.base import rfc3339
from web.bodies import wrong
from web.schemas.paging import PageQuery

AnySelect = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted."""

    skip: int
    limit: int
    after: tuple[Any, str] | None = None
    """Sort value and id of the last row of the page before."""

    @classmethod
    def asked(cls, query: PageQuery, sorted_by: type = datetime) -> Page:
        """What was asked for, with its cursor read.

        Args:
            query: The request's parameters.
            sorted_by: Type of the column that a cursor of this list points into.

        Raises:
            InvalidMessage: If the cursor is not one of this list's.
        """
        after = None if query.cursor is None else _read_cursor(query.cursor, sorted_by)
        return cls(query.skip, query.limit, after)

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
        raise wrong("query", "cursor", "Not a cursor of this list") from error
    return value, tie
