"""The language of whoever looks after the system."""

from __future__ import annotations

from vareon_runtime.entity import Request


class RedriveDeadLetter(Request[str], frozen=True):
    """Send a message that was set aside again; returns the entity it goes to."""


class DiscardDeadLetter(Request[bool], frozen=True):
    """Give it up for good."""


class RecordAudit(Request[int], frozen=True):
    """Write an entry into the audit log; answered with its number. Only the system asks this.

    Attributes:
        kind: What they came as: ``user``, ``key``, ``system`` or ``anonymous``.
        result: ``begun``, ``done``, or the code of the error it was refused with.
    """

    kind: str
    action: str
    result: str
    user_id: str | None = None
    target: str | None = None
    detail: str | None = None
    ip: str | None = None
    request_id: str | None = None
