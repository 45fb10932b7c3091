"""The language of mail."""

from __future__ import annotations

from datetime import datetime

from vareon_runtime.entity import Message, Request


class SendMail(Message, frozen=True):
    """Send a letter, under the addressed id. Only entities and the system ask for it.

    Attributes:
        user_id: Whose letter it is; it is deleted with their account. Empty if nobody's.
        template: One of `actors.mail.letter.TEMPLATES`.
        recipient: The address.
        username: How the letter speaks to them.
        link: What it asks to be opened, as a path below the public address; empty for a notice.
        expires_at: When it is of no use any more; a day from now if not said.
    """

    user_id: str
    template: str
    recipient: str
    username: str = ""
    link: str = ""
    expires_at: datetime | None = None


class DeleteMail(Request[bool], frozen=True):
    """Forget a letter."""
