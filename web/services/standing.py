"""Whether what somebody was signed in with still counts: the rows say so, for every front door."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import select

from vareon_runtime.clock import Clock, utc
from vareon_runtime.models import ApiKeyRow, SessionRow, UserRow
from web.caller import Grant
from web.services.accounts import Rows

ASKED_AT_ONCE = 500
"""Ids in one select; a database takes only so many."""


class Standing:
    """Looks grants up.

    Args:
        rows: The database.
        clock: Decides what is over.
    """

    def __init__(self, rows: Rows, clock: Clock) -> None:
        self._rows = rows
        self._clock = clock

    async def session_used_at(self, grant: Grant) -> datetime | None:
        """When the grant's session was last used; None if it counts no more."""
        statement = select(SessionRow.last_used_at).where(
            SessionRow.id == grant.session_id,
            SessionRow.user_id == grant.user_id,
            SessionRow.token_version == grant.token_version,
            SessionRow.expires_at > self._now(),
        )
        found = await self._rows.rows(statement)
        return found[0].last_used_at if found else None

    async def fallen(self, grants: Collection[Grant]) -> set[Grant]:
        """Those of these that count no more."""
        versions = await self._versions({grant.user_id for grant in grants})
        sessions = await self._alive(SessionRow, {grant.session_id for grant in grants})
        keys = await self._alive(ApiKeyRow, {grant.key_id for grant in grants})
        return {grant for grant in grants if not _stands(grant, versions, sessions, keys)}

    async def _versions(self, user_ids: Iterable[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for some in _portions(user_ids):
            statement = select(UserRow.id, UserRow.token_version).where(
                UserRow.id.in_(some), UserRow.is_active.is_(True)
            )
            found |= {row.id: row.token_version for row in await self._rows.rows(statement)}
        return found

    async def _alive(self, row: Any, ids: set[str | None]) -> set[str]:
        found: set[str] = set()
        for some in _portions(one for one in ids if one is not None):
            statement = select(row.id).where(row.id.in_(some), row.expires_at > self._now())
            found |= {one.id for one in await self._rows.rows(statement)}
        return found

    def _now(self) -> datetime:
        return utc(self._clock.time())


def _stands(grant: Grant, versions: dict[str, int], sessions: set[str], keys: set[str]) -> bool:
    version = versions.get(grant.user_id)
    if version is None:
        return False
    if grant.key_id is not None:
        return grant.key_id in keys
    if version != grant.token_version:
        return False
    return grant.session_id is None or grant.session_id in sessions


def _portions(ids: Iterable[str]) -> Iterator[list[str]]:
    left = iter(ids)
    while some := list(islice(left, ASKED_AT_ONCE)):
        yield some
