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


class Outcome(Message, frozen=True):
    """What a request of the user's was answered with."""

    status: int
    body: bytes


class BeginKeyed(Request[bytes], frozen=True):
    """A request under the user's key begins; answered with the attempt that was the first.

    Its message id is derived from principal, route and key, so that the inbox is the memory.
    """

    attempt: bytes


class KeepFound(Request[bytes], frozen=True):
    """What a keyed request has read, before it changes anything; answered with what was first.

    Attributes:
        found: See `web.found`. None only asks for it: *not found* if none is kept.
    """

    found: bytes | None = None


class KeepOutcome(Request[Outcome], frozen=True):
    """What a keyed request came to; answered with what was kept first.

    Attributes:
        outcome: None only asks for it: *not found* if none is kept.
    """

    outcome: Outcome | None = None


class CreateUser(Request[UserView], frozen=True):
    """Open an account under the addressed id. Only an administrator may, or the system."""

    username: str
    hashed_password: str
    roles: tuple[str, ...] = ("member",)
    email: str | None = None
