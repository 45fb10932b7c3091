"""Bodies of one's own account, of registration, and of passwords."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from pydantic import Field

from web.schemas.base import LenientIn, NoneIfBlank, StrictIn

Email = Annotated[str, Field(min_length=3, max_length=320, pattern=r"^[^@\s]{1,64}@[^@\s]{1,255}$")]
NewPassword = Annotated[str, Field(min_length=1, max_length=1024)]
Password = Annotated[str, Field(max_length=2048)]
Username = Annotated[str, Field(min_length=1, max_length=80)]
OneUseToken = Annotated[str, Field(min_length=1, max_length=200)]


class RegisterIn(LenientIn):
    """Who wants an account."""

    username: Username
    email: Email
    password: NewPassword


class VerifyIn(LenientIn):
    """What the link of a letter carries."""

    email: Annotated[str, Field(min_length=1, max_length=320)]
    token: OneUseToken


class AddressIn(StrictIn):
    """Where a letter should go."""

    email: Annotated[str, Field(min_length=1, max_length=320)]


class MeChangesIn(LenientIn):
    """What becomes different; what is missing stays."""

    username: Annotated[Username | None, NoneIfBlank] = None
    email: Annotated[Email | None, NoneIfBlank] = None
    password: Annotated[NewPassword | None, NoneIfBlank] = None
    current_password: Annotated[Password | None, NoneIfBlank] = None


class PasswordChangeIn(StrictIn):
    """The password there is, and the one there shall be."""

    old_password: Password
    new_password: NewPassword


class PasswordResetIn(StrictIn):
    """The token of a letter, and the password there shall be."""

    token: OneUseToken
    password: NewPassword


class CloseIn(StrictIn):
    """The password, so that nobody else closes an account."""

    password: Password


class PermissionOut(msgspec.Struct, frozen=True):
    """Something a role allows."""

    id: str
    name: str


class RoleOut(msgspec.Struct, frozen=True):
    """A role with what it allows."""

    id: str
    name: str
    permissions: list[PermissionOut]


class MeOut(msgspec.Struct, frozen=True):
    """The signed-in user."""

    id: str
    username: str
    email: str | None
    is_active: bool
    is_verified: bool
    roles: list[RoleOut]
    permissions: list[str]
    """Names of all that the roles allow together."""
    created_at: datetime
    updated_at: datetime
    pending_email: str | None = None
    """A new address that waits to be verified; the e-mail is the old one until then."""
    verification_token: None = None
    """Only the letter carries it."""
    verification_token_expires_at: datetime | None = None
    demo_credits: int = 0
    subscriptions: tuple[()] = ()


class MessageOut(msgspec.Struct, frozen=True):
    """What to do next."""

    message: str
    status: str = "success"
