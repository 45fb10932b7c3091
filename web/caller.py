"""Who is behind a request, as every route and socket sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from aiohttp import web as aiohttp_web

from vareon_runtime.errors import NotAuthenticated
from vareon_runtime.identity import Principal


class Grant(NamedTuple):
    """What a caller's being signed in rests on: once any of it is gone, they are not.

    Attributes:
        token_version: The account's, when the token was given out; it counts for no key.
        session_id: None for a token that `vareon token` made, and for a key.
        key_id: Of the personal API key, if that is what they came with.
    """

    user_id: str
    token_version: int = 0
    session_id: str | None = None
    key_id: str | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in user.

    Attributes:
        principal: What entities see of them.
        permissions: Names that their roles grant, and their key, if they came with one.
        grant: What to look at to know whether they still may.
        roles: What their roles are called.
    """

    user_id: str
    username: str
    email: str | None
    created_at: datetime
    principal: Principal
    permissions: frozenset[str]
    grant: Grant
    roles: tuple[str, ...] = ()


_CALLER = aiohttp_web.RequestKey("caller", Caller)


def attach_caller(request: aiohttp_web.BaseRequest, caller: Caller) -> None:
    """Remember who was found to be calling."""
    request[_CALLER] = caller


def caller_of(request: aiohttp_web.BaseRequest) -> Caller:
    """Who is calling; only routes that need a permission may ask.

    Raises:
        NotAuthenticated: If nobody is.
    """
    found: Caller | None = request.get(_CALLER)
    if found is None:
        raise NotAuthenticated("Not authenticated")
    return found
