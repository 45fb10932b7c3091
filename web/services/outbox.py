"""Letters as an administrator sees them: what was sent to whom, and what became of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from vareon_runtime.errors import NotFound
from vareon_runtime.models import MailRow
from web.schemas.mail import MailOut
from web.services.accounts import Rows
from web.services.paging import AnySelect, Page

_SELECT: AnySelect = select(
    MailRow.id,
    MailRow.user_id,
    MailRow.template,
    MailRow.recipient,
    MailRow.subject,
    MailRow.status,
    MailRow.attempts,
    MailRow.error,
    MailRow.link,
    MailRow.created_at,
    MailRow.updated_at,
)


class Outbox:
    """Reads letters."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def newest(self, page: Page) -> tuple[list[MailOut], str | None]:
        """All of them, the newest first."""
        statement = page.of(_SELECT, MailRow.created_at, MailRow.id, newest_first=True)
        kept, cursor = page.cut(await self._rows.rows(statement), "created_at")
        return [_told(row) for row in kept], cursor

    async def mail(self, mail_id: str) -> MailOut:
        """One of them.

        Raises:
            NotFound: If there is none with this id.
        """
        rows = await self._rows.rows(_SELECT.where(MailRow.id == mail_id))
        if not rows:
            raise NotFound("Mail not found")
        return _told(rows[0])


def _told(row: Any) -> MailOut:
    return MailOut(**{**row._asdict(), "user_id": row.user_id or None})
