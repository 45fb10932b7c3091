"""A route declares who may use it; one that does not cannot be built."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web as aiohttp_web

Handler = Callable[[aiohttp_web.Request], Awaitable[aiohttp_web.StreamResponse]]

PUBLIC = "public"
"""The permission of a route that anybody may use."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    Attributes:
        path: Without a slash at its end; the other form is served too.
        permission: A name of `web.services.policy`, or ``PUBLIC``.
        while_starting: Whether it answers before the system is ready.
        long_lived: A socket, which has limits of its own.
        one_ask: All it does is one message to an entity that the path names, so that this entity's
            inbox is all the memory a keyed request needs.
        waits: It waits for something slow, such as a model's answer, and does nothing meanwhile.
        vital: It tells how the system is, so it is answered however busy that is.
    """

    method: str
    path: str
    permission: str
    handler: Handler
    while_starting: bool = False
    long_lived: bool = False
    one_ask: bool = False
    waits: bool = False
    vital: bool = False
