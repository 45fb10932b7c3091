"""Parameters of lists."""

from __future__ import annotations

from pydantic import Field

from web.schemas.base import Number, StrictIn

MOST = 1000
MOST_SKIPPED = 1_000_000


class PageQuery(StrictIn):
    """Which part of a list is wanted: by skipping, or from a cursor of ``Link: rel="next"``."""

    skip: Number = Field(default=0, ge=0, le=MOST_SKIPPED)
    limit: Number = Field(default=100, ge=1, le=MOST)
    cursor: str | None = Field(
        default=None, min_length=1, max_length=1000, json_schema_extra={"format": "cursor"}
    )


class LongPageQuery(PageQuery):
    """The same, for lists that are given whole if they are not very long."""

    limit: Number = Field(default=MOST, ge=1, le=MOST)
