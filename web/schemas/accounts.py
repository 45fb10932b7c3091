"""Bodies of accounts."""

from __future__ import annotations

from typing import Annotated

import msgspec
from pydantic import Field

from web.schemas.base import LenientIn, NoneIfBlank, StrictIn
from web.schemas.roles import RoleName


class SignInForm(LenientIn):
    """A user name or an e-mail, and the password; OAuth 2 clients send more, which is ignored."""

    username: str
    password: str


class UserIn(StrictIn):
    """A new account."""

    username: str = Field(min_length=1, max_length=80)
    password: str = Field(min_length=1, max_length=1024)
    roles: tuple[RoleName, ...] = Field(default=("member",), min_length=1, max_length=20)
    email: Annotated[str | None, NoneIfBlank] = Field(default=None, max_length=320)


class DoneOut(msgspec.Struct, frozen=True):
    """What a deletion answers."""

    message: str
    ok: bool = True
