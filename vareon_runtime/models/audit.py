"""Rows of the audit log."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from vareon_runtime.storage.base import Base, UtcTime, rfc3339


class AuditRow(Base):
    """One entry of the audit log: written once, each bound to the one before by its hash."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index(None, "user_id", "number"),
        Index(None, "action", "number"),
        Index(None, "target", "number"),
    )

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcTime)
    user_id: Mapped[str | None] = mapped_column(String(36))
    """Who did it; None if nobody was known."""
    kind: Mapped[str] = mapped_column(String(16))
    """What they came as: ``user``, ``key``, ``system`` or ``anonymous``."""
    action: Mapped[str] = mapped_column(String(80))
    target: Mapped[str | None] = mapped_column(String(300))
    result: Mapped[str] = mapped_column(String(40))
    """``done``, or the code of the error it was refused with."""
    detail: Mapped[str | None] = mapped_column(String(500))
    ip: Mapped[str | None] = mapped_column(String(45))
    request_id: Mapped[str | None] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


AUDIT_BEGIN = "0" * 64
"""What stands for the hash of the entry before the first."""
_HASHED = (
    "number",
    "at",
    "user_id",
    "kind",
    "action",
    "target",
    "result",
    "detail",
    "ip",
    "request_id",
)


def audit_hash(before: str, entry: Mapping[str, Any]) -> str:
    """What binds an entry to everything that was written before it: SHA-256 in hexadecimal.

    Args:
        before: The hash of the entry before, or `AUDIT_BEGIN`.
        entry: Every column but the hash.
    """
    values = [entry[name] for name in _HASHED]
    told = [rfc3339(value) if isinstance(value, datetime) else value for value in values]
    whole = f"{before}\n{json.dumps(told, ensure_ascii=True, separators=(',', ':'))}"
    return hashlib.sha256(whole.encode("ascii")).hexdigest()
