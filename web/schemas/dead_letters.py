"""Messages that were set aside, as an administrator sees them."""

from __future__ import annotations

from datetime import datetime

import msgspec


class DeadLetterOut(msgspec.Struct, frozen=True):
    """One of the list.

    Attributes:
        source: What brought it: ``ask``, ``send``, ``reminder``, or ``effect`` (flows too).
        attempts: How often it was tried, or how many hosts died of it.
    """

    id: str
    entity: str
    message: str
    source: str
    sender: str | None
    user_id: str | None
    code: str
    reason: str
    attempts: int
    given_up_at: datetime


class DeadLetterBody(DeadLetterOut, frozen=True):
    """One with its body: as JSON, or the beginning of that as text if it is long.

    Attributes:
        body: None if it cannot be shown as JSON.
        body_bytes: How long it is.
    """

    trace_id: str
    body: msgspec.Raw | str | None
    body_bytes: int
    body_cut: bool


class RedrivenOut(msgspec.Struct, frozen=True):
    """What was done with it."""

    id: str
    sent_to: str
