"""Everything that is a user's own as one JSON document, written while it is read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from sqlalchemy import Select, inspect, select, text

from vareon_runtime.clock import Clock, utc
from vareon_runtime.errors import QuotaExceeded
from vareon_runtime.models import BELONGINGS, Belonging, UserRoleRow, UserRow
from vareon_runtime.models.belongings import Part
from vareon_runtime.storage.base import Base
from vareon_runtime.storage.tables import EntityRow
from web.services.accounts import Rows

THINGS_AT_ONCE = 200
PARTS_AT_ONCE = 32
"""Messages of up to 100,000 characters are read at a time."""
_SECRETS = frozenset({"hashed_password", "verification_hash", "reset_hash", "token_version"})
_ENCODER = msgspec.json.Encoder()


_ENTITIES = (
    select(EntityRow.key, EntityRow.state)
    .where(EntityRow.deleted.is_(False))
    .order_by(EntityRow.key)
    .limit(PARTS_AT_ONCE)
)
_KINDS = text(
    "WITH RECURSIVE found(kind) AS (SELECT min(kind) FROM entities UNION ALL"
    " SELECT (SELECT min(kind) FROM entities WHERE kind > found.kind) FROM found"
    " WHERE found.kind IS NOT NULL) SELECT kind FROM found"
)
"""Hops from kind to kind over the primary key, however many entities there are of each."""


class Export:
    """Writes exports; one at a time for each user."""

    def __init__(self, rows: Rows, clock: Clock) -> None:
        self._rows = rows
        self._clock = clock
        self._running: set[str] = set()

    async def of(self, user_id: str) -> AsyncIterator[bytes]:
        """The document in pieces.

        Raises:
            QuotaExceeded: If another one of theirs is being written.
        """
        if user_id in self._running:
            raise QuotaExceeded("An export of yours is running already; wait for it.", 5.0)
        self._running.add(user_id)
        try:
            yield b'{"exported_at":' + _json(utc(self._clock.time()))
            yield b',"account":' + _json(await self._account(user_id))
            for belonging in BELONGINGS:
                yield b"," + _json(belonging.section) + b":["
                async for piece in self._things(belonging, user_id):
                    yield piece
                yield b"]"
            yield b',"entities":['
            async for piece in self._entities(user_id):
                yield piece
            yield b"]}"
        finally:
            self._running.discard(user_id)

    async def _entities(self, user_id: str) -> AsyncIterator[bytes]:
        """Entities of the user's own: whatever kind they are of, their keys begin with its id."""
        first, comma = f"{user_id}:", b""
        for kind in [row[0] for row in await self._rows.rows(_KINDS) if row[0] is not None]:
            wanted = _ENTITIES.where(EntityRow.kind == kind, EntityRow.key < f"{user_id};")
            last = first
            while rows := await self._rows.rows(wanted.where(EntityRow.key > last)):
                for row in rows:
                    last = row.key
                    state = msgspec.msgpack.decode(row.state)
                    told = {"kind": kind, "key": last[len(first) :], "state": state}
                    yield comma + _json(told)
                    comma = b","

    async def _account(self, user_id: str) -> dict[str, Any]:
        found = await self._rows.rows(_columns(UserRow, _SECRETS).where(UserRow.id == user_id))
        roles = await self._rows.rows(
            select(UserRoleRow.role)
            .where(UserRoleRow.user_id == user_id)
            .order_by(UserRoleRow.role)
        )
        account = found[0]._asdict() if found else {}
        return account | {"roles": [row.role for row in roles]}

    async def _things(self, belonging: Belonging, user_id: str) -> AsyncIterator[bytes]:
        wanted = _columns(belonging.row, belonging.withheld).where(belonging.owner == user_id)
        wanted = wanted.order_by(belonging.key).limit(THINGS_AT_ONCE)
        last, comma = "", b""
        while rows := await self._rows.rows(wanted.where(belonging.key > last)):
            for row in rows:
                last = row._asdict()[belonging.key.key]
                yield comma + _json(row._asdict())[:-1]
                for part in belonging.parts:
                    yield b"," + _json(part.section) + b":["
                    async for piece in self._parts(part, last):
                        yield piece
                    yield b"]"
                yield b"}"
                comma = b","

    async def _parts(self, part: Part, parent: str) -> AsyncIterator[bytes]:
        wanted = _columns(part.row, frozenset()).where(part.parent == parent)
        wanted = wanted.order_by(part.order).limit(PARTS_AT_ONCE)
        last, comma = -1, b""
        while rows := await self._rows.rows(wanted.where(part.order > last)):
            last = rows[-1]._asdict()[part.order.key]
            yield comma + b",".join(_json(row._asdict()) for row in rows)
            comma = b","


def _columns(row: type[Base], withheld: frozenset[str]) -> Select[Any]:
    return select(*(one for one in inspect(row).columns if one.key not in withheld))


def _json(value: Any) -> bytes:
    return _ENCODER.encode(value)
