"""Who is behind a request, as every route and socket sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from aiohttp import web as aiohttp_web

from vareon_runtime.errors import NotAuthenticated
from vareon_runtime.identity import Principal


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in user.

    Attributes:
        principal: What entities see of them.
        permissions: Names that their roles grant.
        roles: What these are called.
    """

    user_id: str
    username: str
    email: str | None
    created_at: datetime
    principal: Principal
    permissions: frozenset[str]
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
