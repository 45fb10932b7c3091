"""The language of accounts."""

from __future__ import annotations

from datetime import datetime

from vareon_runtime.entity import Message, Request


class UserView(Message, frozen=True):
    """An account without its password."""

    id: str
    username: str
    email: str | None
    is_active: bool
    roles: tuple[str, ...]
    created_at: datetime
    updated_at: datetime


class CreateUser(Request[UserView], frozen=True):
    """Open an account under the addressed id. Only an administrator may, or the system."""

    username: str
    hashed_password: str
    roles: tuple[str, ...] = ("member",)
    email: str | None = None
