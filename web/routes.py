"""A route declares who may use it, what it takes and what it gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web as aiohttp_web
from pydantic import BaseModel

Handler = Callable[[aiohttp_web.Request], Awaitable[aiohttp_web.StreamResponse]]

CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
TAGS_PATTERN = r'^(\*|(W/)?"[^"\x00-\x20\x7f]*"([ \t]*,[ \t]*(W/)?"[^"\x00-\x20\x7f]*")*)$'
"""What ``If-Match`` and ``If-None-Match`` may say."""
PUBLIC = "public"
"""The permission of a route that anybody may use."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    What is declared here is what requests are checked against and what the OpenAPI document says.

    Attributes:
        path: Without a slash at its end; the other form is served too.
        permission: A name of `web.services.policy`, or ``PUBLIC``.
        body: What a JSON body must fit; see `web.given.body_of`.
        form: The body is a form, urlencoded or multipart, instead of JSON.
        query: What the parameters must fit; see `web.given.query_of`. Without it they are ignored.
        place: What the parameters of the path must fit; the handler checks them itself.
        answer: The type that a good answer carries as JSON; None for anything else.
        events: What it gives instead, one after the other, to those who accept server-sent events.
        status: The status of a good answer.
        refuses: Statuses of refusals that no other declaration tells of.
        while_starting: Whether it answers before the system is ready.
        long_lived: A socket, which has limits of its own.
        one_ask: All it does is one message to an entity that the path or the caller names, so that
            this entity's inbox is all the memory a keyed request needs.
        waits: It waits for something slow, such as a model's answer, and does nothing meanwhile.
        rate: How many requests a minute one caller may make here, besides the quota that counts all
            its requests; None if that one is enough.
        audit: What the audit log calls what is done here, ``<kind>.<action>``; nothing if it is not
            written down.
        vital: It tells how the system is, so it is answered however busy that is.
        shown: Whether the OpenAPI document tells of it; of pages and their parts it does not.
    """

    method: str
    path: str
    permission: str
    handler: Handler
    body: type[BaseModel] | None = None
    form: bool = False
    query: type[BaseModel] | None = None
    place: type[BaseModel] | None = None
    answer: Any = None
    events: Any = None
    status: int = 200
    refuses: tuple[int, ...] = ()
    while_starting: bool = False
    long_lived: bool = False
    one_ask: bool = False
    waits: bool = False
    rate: int | None = None
    vital: bool = False
    audit: str = ""
    shown: bool = True

    @property
    def changing(self) -> bool:
        """Whether it may change something."""
        return self.method in CHANGING

    @property
    def tagged(self) -> bool:
        """Whether its good answer is one object of ours, which carries an ETag."""
        one = isinstance(self.answer, type) and issubclass(self.answer, msgspec.Struct)
        return one and self.method == "GET" and not self.vital
