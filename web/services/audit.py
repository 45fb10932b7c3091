"""The audit log: written by asking its entity, read from its rows, and verified."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import select

from actors import names
from actors.system.messages import RecordAudit
from vareon_runtime.clock import Clock
from vareon_runtime.errors import VareonError
from vareon_runtime.models import AUDIT_BEGIN, AuditRow, UserRow, audit_hash
from vareon_runtime.routing.bus import MessageBus
from vareon_runtime.storage.tables import EntityRow
from vareon_runtime.telemetry import failure
from web.schemas.audit import AuditOut, AuditQuery
from web.services.accounts import Rows
from web.services.paging import AnySelect, Page

BURST = 60
"""Refusals that are all written down, however fast they come."""
A_SECOND = 1.0
"""How many more there may be each second; the others are counted."""
MOST_UNDER_WAY = 100
AT_ONCE = 1000

_ENTRY = (
    AuditRow.number,
    AuditRow.at,
    AuditRow.user_id,
    AuditRow.kind,
    AuditRow.action,
    AuditRow.target,
    AuditRow.result,
    AuditRow.detail,
    AuditRow.ip,
    AuditRow.request_id,
    AuditRow.hash,
)
_NAMED: AnySelect = select(*_ENTRY, UserRow.username).outerjoin(
    UserRow, UserRow.id == AuditRow.user_id
)


class Audit:
    """Writes entries and reads them.

    Args:
        rows: The database.
        bus: The way to the log; not one that knows of keys and conditions, for an entry is no part
            of what the request asks.
        clock: Decides how many refusals are too many.
    """

    def __init__(self, rows: Rows, bus: MessageBus, clock: Clock) -> None:
        self._rows = rows
        self._bus = bus
        self._clock = clock
        self._left = float(BURST)
        self._at_s = clock.monotonic()
        self._unwritten = 0
        self._under_way: set[asyncio.Task[None]] = set()

    async def record(self, entry: RecordAudit) -> None:
        """Write an entry; returns once it is committed.

        Raises:
            VareonError: If it could not be written: then what it tells of must not be confirmed.
        """
        await self._bus.ask(names.audit(), entry)

    def refused(self, entry: RecordAudit) -> None:
        """Write an entry soon, unless there are too many of its kind: then it is counted.

        Nothing was done, so nothing has to wait for it.
        """
        now_s = self._clock.monotonic()
        self._left = min(float(BURST), self._left + (now_s - self._at_s) * A_SECOND)
        self._at_s = now_s
        if self._left < 1.0 or len(self._under_way) >= MOST_UNDER_WAY:
            self._unwritten += 1
            return
        self._left -= 1.0
        if self._unwritten:
            more = f"{self._unwritten} refusals before this one were not written down"
            told = f"{entry.detail}; {more}" if entry.detail else more
            entry = msgspec.structs.replace(entry, detail=told)
            self._unwritten = 0
        writing = asyncio.get_running_loop().create_task(self._try(entry))
        self._under_way.add(writing)
        writing.add_done_callback(self._under_way.discard)

    async def _try(self, entry: RecordAudit) -> None:
        try:
            await self.record(entry)
        except VareonError as error:
            failure("refusal_not_audited", error, action=entry.action, code=error.code)

    async def newest(self, query: AuditQuery) -> tuple[list[AuditOut], str | None]:
        """Entries, the newest first."""
        page = Page.asked(query, sorted_by=int)
        statement = _NAMED
        for column, wanted in (
            (AuditRow.user_id, query.user_id),
            (AuditRow.action, query.action),
            (AuditRow.target, query.target),
            (AuditRow.result, query.result),
        ):
            if wanted is not None:
                statement = statement.where(column == wanted)
        if query.since is not None:
            statement = statement.where(AuditRow.at >= query.since)
        if query.until is not None:
            statement = statement.where(AuditRow.at < query.until)
        statement = page.of(statement, AuditRow.number, AuditRow.hash, newest_first=True)
        kept, cursor = page.cut(await self._rows.rows(statement), "number", "hash")
        return [AuditOut(**row._asdict()) for row in kept], cursor


class Verdict(NamedTuple):
    """What walking the chain came to.

    Attributes:
        entries: How many hold, from the first.
        head: The hash of the last of them.
        at: When that was written.
        problem: What is wrong with the one after it; empty if nothing is.
    """

    entries: int
    head: str
    at: datetime | None
    problem: str = ""


async def verify(rows: Rows, told: Callable[[int], Awaitable[None]] | None = None) -> Verdict:
    """Walk the whole chain, and see that it ends where the log says.

    Args:
        rows: The database.
        told: Hears how far it has got.
    """
    number, head, at = 0, AUDIT_BEGIN, None
    # Read first: entries that are added meanwhile make the chain longer than this, never shorter.
    wanted, wanted_hash = await _end(rows)
    while True:
        statement = select(*_ENTRY).where(AuditRow.number > number)
        found = await rows.rows(statement.order_by(AuditRow.number).limit(AT_ONCE))
        for row in found:
            entry: Any = row._asdict()
            if row.number != number + 1:
                return Verdict(number, head, at, f"entry {number + 1} is missing")
            if row.hash != audit_hash(head, entry):
                return Verdict(number, head, at, f"entry {row.number} is not what was written")
            number, head, at = row.number, row.hash, row.at
            if number == wanted and head != wanted_hash:
                return Verdict(number - 1, head, at, f"entry {number} was replaced")
        if told is not None:
            await told(number)
        if len(found) < AT_ONCE:
            break
    if number < wanted:
        return Verdict(number, head, at, f"entries {number + 1} to {wanted} are missing at the end")
    return Verdict(number, head, at)


async def _end(rows: Rows) -> tuple[int, str]:
    """Where the log itself says that it ends."""
    statement = select(EntityRow.state).where(
        EntityRow.kind == names.audit().kind, EntityRow.key == names.audit().key
    )
    found = await rows.rows(statement)
    if not found:
        return 0, AUDIT_BEGIN
    state = msgspec.msgpack.decode(found[0].state)
    return int(state["number"]), str(state["hash"])
