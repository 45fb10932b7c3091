"""Letters as they are shown."""

from __future__ import annotations

from datetime import datetime

import msgspec


class MailOut(msgspec.Struct, frozen=True):
    """A letter and what became of it."""

    id: str
    user_id: str | None
    template: str
    recipient: str
    subject: str
    status: str
    """``waiting``, ``sent``, ``failed``, or ``kept`` where no mail server is configured."""
    attempts: int
    error: str | None
    """Why the last try failed."""
    link: str | None
    """What a letter that was kept asks to be opened."""
    created_at: datetime
    updated_at: datetime
