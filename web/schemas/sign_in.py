"""Bodies of signing in: tokens, sessions, keys."""

from __future__ import annotations

from datetime import datetime

import msgspec
from pydantic import Field

from actors.sign_in.messages import ApiKeyView
from web.schemas.base import LenientIn, StrictIn
from web.schemas.roles import MOST_PERMISSIONS, PermissionName


class TokenOut(msgspec.Struct, frozen=True):
    """What a session is carried on with.

    Attributes:
        access_token: For the Authorization header.
        expires_in: Its life in seconds.
        refresh_token: Traded at ``/api/token/refresh``, once.
        refresh_expires_in: How long it may lie unused, in seconds.
    """

    access_token: str
    expires_in: int
    refresh_token: str
    refresh_expires_in: int
    token_type: str = "bearer"  # noqa: S105  # the scheme's name, not a secret


class RefreshIn(LenientIn):
    """A refresh token; OAuth 2 clients send more, which is ignored."""

    refresh_token: str = Field(min_length=1, max_length=400)


class LogoutQuery(StrictIn):
    """How far signing out goes."""

    everywhere: bool = False


class SessionOut(msgspec.Struct, frozen=True):
    """Somewhere somebody is signed in.

    Attributes:
        address: Where they signed in.
        client: The program they used, as it said itself.
        current: Whether this request came with it.
    """

    id: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    address: str
    client: str
    current: bool


class KeyIn(StrictIn):
    """A new key; without permissions it is good for all that its owner may do."""

    name: str = Field(min_length=1, max_length=80)
    permissions: tuple[PermissionName, ...] | None = Field(
        default=None, min_length=1, max_length=MOST_PERMISSIONS
    )
    expires_in_days: int = Field(default=90, ge=1, le=366)


class NewKeyOut(msgspec.Struct, frozen=True):
    """A key as it is shown once.

    Attributes:
        key: For the Authorization header.
        shown: How it begins, by which the list names it later.
    """

    key: str
    id: str
    name: str
    shown: str
    permissions: tuple[str, ...]
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, view: ApiKeyView, key: str) -> NewKeyOut:
        """The answer to whoever made it."""
        return cls(
            key=key,
            id=view.id,
            name=view.name,
            shown=view.shown,
            permissions=view.permissions,
            created_at=view.created_at,
            expires_at=view.expires_at,
        )


class TicketOut(msgspec.Struct, frozen=True):
    """What opens one socket.

    Attributes:
        expires_in: How long it may lie unused, in seconds.
    """

    ticket: str
    expires_in: int
