"""How anything outside an entity talks to one. What is promised after each outcome is said here.

The class that keeps these promises over a link is `vareon_runtime.routing.client.LinkBus`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol, Self, TypeVar

from vareon_runtime.identity import EntityId, MessageId, Principal
from vareon_runtime.message import Delta, Event, Position, Request, Reset

R = TypeVar("R")


class Subscription(Protocol):
    """What an entity shows to one reader, in order, until closed.

    Iterating yields `Delta`, `Reset` and `Event` objects. A host or router that dies in
    between is bridged: the reader resumes at its own position and misses nothing. It ends by
    raising what ended it: `NotFound`, `NotPermitted`, or `Overloaded` for a reader too slow.
    """

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *exc: object) -> None: ...
    def __aiter__(self) -> AsyncIterator[Delta | Reset | Event]: ...


class MessageBus(Protocol):
    """Ask entities things, and listen to them."""

    async def ask(
        self,
        target: EntityId,
        message: Request[R],
        *,
        principal: Principal | None = None,
        message_id: MessageId | None = None,
        timeout_s: float = 10.0,
    ) -> R:
        """Send a message and wait for its reply; resent under one id until the deadline.

        After a reply, a command that is durable has been committed. After a `Refused` error
        nothing happened. After `DeadlineExceeded` or `Unavailable` it may have happened:
        asking again with the same ``message_id`` is safe and returns the first outcome.
        """
        ...

    async def ask_json(
        self,
        target: EntityId,
        message_name: str,
        body: bytes,
        *,
        principal: Principal,
        message_id: MessageId | None = None,
        timeout_s: float = 10.0,
    ) -> bytes:
        """The same for a message given and answered as JSON, to an exposed kind only."""
        ...

    def subscribe(
        self,
        target: EntityId,
        *,
        principal: Principal | None = None,
        position: Position | None = None,
    ) -> Subscription:
        """Listen to an entity.

        Without a position a stream that is running is shown from its beginning. With one,
        it continues there: a newer generation starts with a `Reset`, and a stream that has
        ended yields what the entity's `catch_up` tells of it.
        """
        ...
