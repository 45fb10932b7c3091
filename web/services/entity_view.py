"""An entity as operators may see it: what it keeps, without secrets, and what it is doing."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from sqlalchemy import select

from vareon_runtime.clock import utc
from vareon_runtime.errors import NotFound
from vareon_runtime.hosting.reminder_plan import from_row
from vareon_runtime.identity import EntityId
from vareon_runtime.storage.tables import EntityRow, ReminderRow
from web.schemas.traces import EntityOut, ReminderOut
from web.services import message_steps
from web.services.accounts import Rows
from web.services.explaining import Explaining
from web.services.memories import Memories
from web.services.paging import AnySelect

MOST_REMINDERS = 200
MOST_ITEMS = 200
"""Of one list or mapping of a state; there is a remark in place of the rest."""
MOST_CHARACTERS = 2_000
MASK = "***"
_SECRET = re.compile(
    r"pass(word|wd|phrase)|secret|token|api_?key|private|credential|hash|digest|cipher|encrypted",
    re.IGNORECASE,
)
_REMINDERS: AnySelect = select(
    ReminderRow.kind, ReminderRow.key, ReminderRow.name, ReminderRow.due_ms, ReminderRow.plan
)


class EntityView:
    """Looks at rows and into the owner's memory."""

    def __init__(self, rows: Rows, memories: Memories, explaining: Explaining) -> None:
        self._rows = rows
        self._memories = memories
        self._explaining = explaining

    async def of(self, kind: str, key: str) -> EntityOut:
        """An entity.

        Raises:
            NotFound: If there is no row of it and it is in no host's memory.
            InvalidMessage: If its address is malformed.
        """
        target = EntityId(kind, key).checked()
        owner = await self._explaining.owner(target)
        memory = await self._memories.of_entity(str(target), owner.shard) or {}
        row = await self._row(target)
        if row is None and not memory.get("active"):
            raise NotFound(f"There is no {target}: it has no row, and is in no host's memory.")
        recent = [message_steps.of_span(span).out() for span in memory.get("spans", ())]
        effects = [message_steps.of_effect(effect).out() for effect in memory.get("effects", ())]
        return EntityOut(
            entity=str(target),
            exists=row is not None and not row.deleted,
            deleted=row is not None and bool(row.deleted),
            version=row.version if row else None,
            schema_version=row.schema_version if row else None,
            owner=owner,
            state=shown_state(row.state) if row and not row.deleted else None,
            active=memory.get("active", False),
            mailbox=memory.get("mailbox", 0),
            uncommitted=memory.get("uncommitted", 0),
            running_s=memory.get("running_s"),
            idle_s=memory.get("idle_s"),
            reminders=await self._reminders(target),
            effects=effects,
            recent=recent[::-1],
        )

    async def _row(self, target: EntityId) -> Any:
        mine = (EntityRow.kind == target.kind, EntityRow.key == target.key)
        rows = await self._rows.rows(
            select(
                EntityRow.version, EntityRow.schema_version, EntityRow.deleted, EntityRow.state
            ).where(*mine)
        )
        return rows[0] if rows else None

    async def _reminders(self, target: EntityId) -> list[ReminderOut]:
        mine = (ReminderRow.kind == target.kind, ReminderRow.key == target.key)
        statement = _REMINDERS.where(*mine).order_by(ReminderRow.due_ms).limit(MOST_REMINDERS)
        found = []
        for row in await self._rows.rows(statement):
            armed = from_row(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
            found.append(
                ReminderOut(
                    armed.name,
                    utc(armed.wake_ms / 1000),
                    armed.plan.handler,
                    armed.plan.attempts,
                )
            )
        return found


def shown_state(state: bytes) -> Any:
    """A state without the types it was written with, and without its secrets."""
    try:
        return _masked(msgspec.msgpack.decode(state))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return f"{len(state):,} bytes that cannot be shown"


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        shown = {
            str(name): MASK if _is_secret(name, inner) else _masked(inner)
            for name, inner in list(value.items())[:MOST_ITEMS]
        }
        if len(value) > MOST_ITEMS:
            shown["…"] = f"{len(value) - MOST_ITEMS:,} more"
        return shown
    if isinstance(value, list | tuple):
        items = [_masked(inner) for inner in value[:MOST_ITEMS]]
        return [*items, f"… {len(value) - MOST_ITEMS:,} more"] if len(value) > MOST_ITEMS else items
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    if isinstance(value, str) and len(value) > MOST_CHARACTERS:
        return f"{value[:MOST_CHARACTERS]}… {len(value) - MOST_CHARACTERS:,} more characters"
    return value


def _is_secret(name: Any, value: Any) -> bool:
    """Whether a field is one by its name; whether a number is allowed says nothing of it."""
    return isinstance(value, str | bytes | list | dict) and bool(_SECRET.search(str(name)))
