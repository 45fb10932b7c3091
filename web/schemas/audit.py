"""Entries of the audit log."""

from __future__ import annotations

from datetime import datetime

import msgspec
from pydantic import Field

from web.schemas.base import Moment
from web.schemas.paging import PageQuery


class AuditQuery(PageQuery):
    """Which entries; a time needs its zone."""

    user_id: str | None = Field(default=None, min_length=1, max_length=36)
    action: str | None = Field(default=None, min_length=1, max_length=80)
    target: str | None = Field(default=None, min_length=1, max_length=300)
    result: str | None = Field(default=None, min_length=1, max_length=40)
    since: Moment | None = None
    until: Moment | None = None


class AuditOut(msgspec.Struct, frozen=True):
    """Who did what to which thing from where, and what became of it.

    Attributes:
        user_id: None if nobody was signed in.
        username: Their present name; None if the account is gone.
        kind: What they came as: ``user``, ``key``, ``system`` or ``anonymous``.
        result: ``begun``, ``done``, or the code of the error it was refused with.
        hash: Binds it to the entry before.
    """

    number: int
    at: datetime
    user_id: str | None
    username: str | None
    kind: str
    action: str
    target: str | None
    result: str
    detail: str | None
    ip: str | None
    request_id: str | None
    hash: str
