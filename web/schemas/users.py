"""Bodies of accounts, as those see them who look after them."""

from __future__ import annotations

from datetime import datetime

import msgspec
from pydantic import Field

from web.schemas.base import StrictIn
from web.schemas.paging import PageQuery
from web.schemas.profile import Email, NewPassword, OneUseToken, Username
from web.schemas.roles import RoleName

MOST_ROLES = 20


class UsersQuery(PageQuery):
    """Which accounts: those whose name or e-mail begins like this, whatever its case."""

    search: str | None = Field(default=None, min_length=1, max_length=320)


class RolesIn(StrictIn):
    """The roles an account holds from now on."""

    roles: tuple[RoleName, ...] = Field(min_length=1, max_length=MOST_ROLES)


class InviteIn(StrictIn):
    """Whom to invite, and which roles their account will hold."""

    email: Email
    roles: tuple[RoleName, ...] = Field(default=("member",), min_length=1, max_length=MOST_ROLES)


class AcceptIn(StrictIn):
    """What the link of an invitation carries, and what its reader chose."""

    token: OneUseToken
    username: Username
    password: NewPassword


class PasswordIn(StrictIn):
    """The password an account has from now on."""

    password: str = Field(min_length=1, max_length=1024)


class UserOut(msgspec.Struct, frozen=True):
    """An account without its password."""

    id: str
    username: str
    email: str | None
    is_active: bool
    is_verified: bool
    roles: list[str]
    created_at: datetime
    updated_at: datetime
