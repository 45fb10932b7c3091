"""Dead letters: read from their rows, decided about by asking their entities."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import select

from actors import names
from actors.system.messages import DiscardDeadLetter, RedriveDeadLetter
from vareon_runtime import codec
from vareon_runtime.clock import utc
from vareon_runtime.envelope import unpack_principal
from vareon_runtime.errors import NotFound
from vareon_runtime.identity import Principal
from vareon_runtime.routing.bus import MessageBus
from vareon_runtime.storage.tables import DeadLetterRow
from web.schemas.dead_letters import DeadLetterBody, DeadLetterOut, RedrivenOut
from web.services.accounts import Rows
from web.services.paging import AnySelect, Page

SHOWN_BYTES = 16_000
"""Of a body's JSON; the rest of a longer one is left out."""

_LETTER: AnySelect = select(
    DeadLetterRow.id,
    DeadLetterRow.kind,
    DeadLetterRow.key,
    DeadLetterRow.source,
    DeadLetterRow.name,
    DeadLetterRow.principal,
    DeadLetterRow.sender,
    DeadLetterRow.code,
    DeadLetterRow.reason,
    DeadLetterRow.attempts,
    DeadLetterRow.given_up_at_ms,
)
_WITH_BODY: AnySelect = _LETTER.add_columns(DeadLetterRow.body, DeadLetterRow.trace_id)


class _Place(NamedTuple):
    """Where a letter stands in the list; a cursor holds text, not bytes."""

    given_up_at_ms: int
    id: str
    row: Any


class DeadLetters:
    """What can be done with messages that were set aside."""

    def __init__(self, rows: Rows, bus: MessageBus) -> None:
        self._rows = rows
        self._bus = bus

    async def newest(self, page: Page) -> tuple[list[DeadLetterOut], str | None]:
        """All of them, the newest first."""
        if page.after is not None:
            value, letter_id = page.after
            page = replace(page, after=(value, _bytes_of(letter_id)))
        order: Any = DeadLetterRow.id
        statement = page.of(_LETTER, DeadLetterRow.given_up_at_ms, order, newest_first=True)
        rows = await self._rows.rows(statement)
        places = [_Place(row.given_up_at_ms, str(uuid.UUID(bytes=row.id)), row) for row in rows]
        kept, cursor = page.cut(places, "given_up_at_ms")
        return [DeadLetterOut(**_told(place.row)) for place in kept], cursor

    async def letter(self, letter_id: str) -> DeadLetterBody:
        """One of them.

        Raises:
            NotFound: If there is none with this id.
        """
        statement = _WITH_BODY.where(DeadLetterRow.id == _bytes_of(letter_id))
        rows = await self._rows.rows(statement)
        if not rows:
            raise NotFound("Dead letter not found")
        row = rows[0]
        shown = codec.body_as_json(row.body)
        cut = shown is not None and len(shown) > SHOWN_BYTES
        body: msgspec.Raw | str | None = None
        if shown is not None:
            body = shown[:SHOWN_BYTES].decode(errors="ignore") if cut else msgspec.Raw(shown)
        return DeadLetterBody(
            **_told(row),
            trace_id=row.trace_id.hex(),
            body=body,
            body_bytes=len(row.body),
            body_cut=cut,
        )

    async def redrive(self, principal: Principal, letter_id: str) -> RedrivenOut:
        """Send one to its entity again; returns once that is committed."""
        target = names.dead_letter(letter_id)
        sent_to = await self._bus.ask(target, RedriveDeadLetter(), principal=principal)
        return RedrivenOut(letter_id, sent_to)

    async def discard(self, principal: Principal, letter_id: str) -> None:
        """Remove one."""
        target = names.dead_letter(letter_id)
        await self._bus.ask(target, DiscardDeadLetter(), principal=principal)


def _told(row: Any) -> dict[str, Any]:
    return {
        "id": str(uuid.UUID(bytes=row.id)),
        "entity": f"{row.kind}/{row.key}",
        "message": row.name,
        "source": row.source,
        "sender": row.sender or None,
        "user_id": unpack_principal(row.principal).user_id if row.principal else None,
        "code": row.code,
        "reason": row.reason,
        "attempts": row.attempts,
        "given_up_at": utc(row.given_up_at_ms / 1000),
    }


def _bytes_of(letter_id: str) -> Any:
    try:
        return uuid.UUID(letter_id).bytes
    except ValueError:
        raise NotFound("Dead letter not found") from None
