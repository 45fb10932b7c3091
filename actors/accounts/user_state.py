"""What an account remembers, and what fits into it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec

from vareon_runtime.entity import State
from vareon_runtime.errors import InvalidMessage
from vareon_runtime.message import Upgrade

_USERNAME = re.compile(r"[A-Za-z0-9._@-]{1,80}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")


def _as_verified(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "is_verified": True, "token_version": 0}


def _without_tokens(fields: dict[str, Any]) -> dict[str, Any]:
    return fields


class UserState(State):
    """What an account remembers. The hashes are of tokens that only a mail carries."""

    schema_version: ClassVar[int] = 3
    upgrades: ClassVar[dict[int, Upgrade]] = {1: _as_verified, 2: _without_tokens}

    username: str = ""
    email: str | None = None
    hashed_password: str = ""
    is_active: bool = True
    is_verified: bool = True
    token_version: int = 0
    created_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    updated_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    roles: tuple[str, ...] = ()
    pending_email: str | None = None
    verification_hash: str | None = None
    verification_expires_at: datetime | None = None
    reset_hash: str | None = None
    reset_expires_at: datetime | None = None
    closing: bool = False
    """It was closed by its owner, and what is theirs is being deleted."""
    mailed: dict[str, tuple[datetime, ...]] = msgspec.field(default_factory=dict)
    """When letters of each kind were sent within the last hour."""


def checked_username(username: str) -> str:
    """A name that may be signed in with.

    Raises:
        InvalidMessage: If it is not one.
    """
    if not _USERNAME.fullmatch(username):
        raise InvalidMessage("A username has 1 to 80 of: letters, digits, '.', '_', '@', '-'.")
    return username


def checked_email(email: str | None) -> str | None:
    """An address that mail can go to; None for none.

    Raises:
        InvalidMessage: If it is not one.
    """
    if not email:
        return None
    if not _EMAIL.fullmatch(email) or not email.isprintable():
        raise InvalidMessage("email must be like name@example.com.")
    return email


def checked_hash(hashed_password: str) -> str:
    """What is stored of a password.

    Raises:
        InvalidMessage: If it cannot be that.
    """
    if not 0 < len(hashed_password) <= 200:
        raise InvalidMessage("A password's hash has 1 to 200 characters.")
    return hashed_password
