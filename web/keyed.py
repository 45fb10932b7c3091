"""What a keyed request asks and makes has ids that follow from its key.

A handler knows nothing of it. While it serves a request with an ``Idempotency-Key``, the bus gives
its first ask, its second and so on, ids derived from principal, route and key, and so does the
source of new ids: whoever runs it again asks the same of the same, and receives what the inboxes
of those entities have kept. What it read before its first change is kept too: see `web.found`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Executable

from vareon_runtime.identity import (
    EntityId,
    IdSource,
    MessageId,
    Principal,
    as_text,
    derived_id,
)
from vareon_runtime.message import Position, Request
from vareon_runtime.routing.bus import Subscription
from vareon_runtime.routing.client import LinkBus
from vareon_runtime.storage.database import Database
from web.found import Found
from web.guard import Versions, due_guard
from web.tracing import trace_for

R = TypeVar("R")


class Keyed:
    """One request that is being served under a key.

    Args:
        name: Stands for principal, route and key.
        fingerprint: Stands for what the caller sent.
        repeated: Whether it was begun before.
        found: What it reads before it changes anything; None if it reads nothing.
        keep: Keeps that, and fails if another attempt has found something else.
    """

    def __init__(
        self,
        name: str,
        fingerprint: bytes,
        *,
        repeated: bool,
        found: Found | None = None,
        keep: Callable[[bytes], Awaitable[None]] | None = None,
    ) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self.repeated = repeated
        self.found = found
        self._keep = keep
        self._asks = 0
        self._made = 0

    async def changes(self) -> None:
        """It is about to change something: what it has read must be kept by then."""
        found = self.found.end() if self.found is not None else b""
        if found and self._keep is not None:
            await self._keep(found)

    def ask_id(self) -> MessageId:
        """The id of its next ask."""
        self._asks += 1
        return derived_id(self.name, "ask", str(self._asks))

    def made_id(self) -> MessageId:
        """The id of the next thing that it makes."""
        self._made += 1
        return derived_id(self.name, "made", str(self._made))


_SERVED: ContextVar[Keyed | None] = ContextVar("served", default=None)


@contextmanager
def serving(keyed: Keyed) -> Iterator[None]:
    """Everything asked and made in here belongs to this request."""
    token = _SERVED.set(keyed)
    try:
        yield
    finally:
        _SERVED.reset(token)


def is_keyed() -> bool:
    """Whether the request being served has a key, so that a repeat must come to the same."""
    return _SERVED.get() is not None


def is_repeat() -> bool:
    """Whether the request being served was begun before."""
    keyed = _SERVED.get()
    return keyed is not None and keyed.repeated


class KeyedIds(IdSource):
    """New ids, derived ones while a keyed request is served."""

    def __init__(self, source: IdSource) -> None:
        self._source = source

    def message_id(self) -> MessageId:
        """See `IdSource.message_id`."""
        keyed = _SERVED.get()
        return self._source.message_id() if keyed is None else keyed.made_id()

    def text_id(self) -> str:
        """See `IdSource.text_id`."""
        return as_text(self.message_id())


class KeyedRows:
    """Reads rows; a keyed request reads what it read the first time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def rows(self, statement: Executable) -> list[Any]:
        """See `Database.rows`."""
        keyed = _SERVED.get()
        if keyed is None or keyed.found is None:
            return await self._database.rows(statement)
        return await keyed.found.rows(statement, self._database.rows)


class KeyedBus:
    """A `MessageBus` whose changing asks carry derived ids while a keyed request is served.

    The first of them is made under guard if the request says so; see `web.guard`.

    Args:
        link: Asks.
        versions: Reads what a guarded change has to find.
    """

    def __init__(self, link: LinkBus, versions: Versions) -> None:
        self._link = link
        self._versions = versions

    async def ask(
        self,
        target: EntityId,
        message: Request[R],
        *,
        principal: Principal | None = None,
        message_id: MessageId | None = None,
        timeout_s: float = 10.0,
        fingerprint: bytes = b"",
    ) -> R:
        """See `MessageBus.ask`."""
        keyed, guard = _SERVED.get(), due_guard()
        if keyed is not None or guard is not None:
            changing = not type(message).__name__.startswith("Get")
            if keyed is not None and changing:
                await keyed.changes()
                message_id, fingerprint = message_id or keyed.ask_id(), keyed.fingerprint
            if guard is not None and changing:
                send = partial(
                    self._guarded, target, message, principal, message_id, timeout_s, fingerprint
                )
                version = partial(self._versions, target)
                return await guard.ask(version, send, repeated=is_repeat())
        message_id = message_id or self._link.ids.message_id()
        trace_id, span_id = trace_for(message_id)
        return await self._link.ask(
            target,
            message,
            principal=principal,
            message_id=message_id,
            timeout_s=timeout_s,
            trace_id=trace_id,
            span_id=span_id,
            fingerprint=fingerprint,
        )

    async def _guarded(
        self,
        target: EntityId,
        message: Request[R],
        principal: Principal | None,
        message_id: MessageId | None,
        timeout_s: float,
        fingerprint: bytes,
        expected: int,
    ) -> R:
        message_id = message_id or self._link.ids.message_id()
        trace_id, span_id = trace_for(message_id)
        return await self._link.ask(
            target,
            message,
            principal=principal,
            message_id=message_id,
            timeout_s=timeout_s,
            trace_id=trace_id,
            span_id=span_id,
            fingerprint=fingerprint,
            expected=expected,
        )

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
        """See `MessageBus.ask_json`."""
        keyed = _SERVED.get()
        fingerprint = b""
        if keyed is not None:
            message_id, fingerprint = message_id or keyed.ask_id(), keyed.fingerprint
        message_id = message_id or self._link.ids.message_id()
        trace_id, span_id = trace_for(message_id)
        return await self._link.ask_json(
            target,
            message_name,
            body,
            principal=principal,
            message_id=message_id,
            timeout_s=timeout_s,
            trace_id=trace_id,
            span_id=span_id,
            fingerprint=fingerprint,
        )

    def subscribe(
        self,
        target: EntityId,
        *,
        principal: Principal | None = None,
        position: Position | None = None,
    ) -> Subscription:
        """See `MessageBus.subscribe`."""
        trace_id, span_id = trace_for(None)
        return self._link.subscribe(
            target, principal=principal, position=position, trace_id=trace_id, span_id=span_id
        )
