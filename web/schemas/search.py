"""Searching, and what is found."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from pydantic import Field

from web.schemas.base import NoneIfBlank, Number, StrictIn

LONGEST_QUERY = 200
MOST_HITS = 100
MOST_SKIPPED = 1_000


class SearchQuery(StrictIn):
    """Words to look for; the last letters of each may be missing."""

    query: str = Field(min_length=1, max_length=LONGEST_QUERY)
    type: Annotated[str | None, NoneIfBlank] = Field(default=None, max_length=40)
    skip: Number = Field(default=0, ge=0, le=MOST_SKIPPED)
    limit: Number = Field(default=20, ge=1, le=MOST_HITS)


class SearchHit(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that was found, the best first.

    Attributes:
        name: Its own name; of a message the part in which the words were found.
    """

    type: str
    id: str
    name: str
    updated_at: datetime
    conversation_id: str | None = None
    sender: str | None = None
    provider_id: str | None = None
    status: str | None = None
    format: str | None = None
    device_type: str | None = None
    target_model: str | None = None
