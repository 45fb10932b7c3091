"""What router and hosts remember: asked for by control messages, and gone when they end."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple, Protocol

import msgspec

from vareon_runtime.envelope import Kind
from vareon_runtime.errors import VareonError
from vareon_runtime.hosting.inspection import Inspect


class Link(Protocol):
    """The part of the bus that asks processes about themselves."""

    async def router_status(self, timeout_s: float = 2.0, about: bytes = b"") -> dict[str, Any]:
        """The router's links and counters."""
        ...

    async def ask_host(
        self, kind: int, shard: int, body: bytes = b"", timeout_s: float = 2.0
    ) -> dict[str, Any]:
        """A host's counters, or what it has in memory."""
        ...


class Memory(NamedTuple):
    """What was told.

    Attributes:
        spans: Messages that were handled of late.
        effects: Effects and flows under way.
        waiting: Messages in mailboxes.
        passed: When the router passed something on.
        whole: Whether everybody who was asked has answered.
    """

    spans: list[dict[str, Any]]
    effects: list[dict[str, Any]]
    waiting: list[dict[str, Any]]
    passed: list[dict[str, Any]]
    whole: bool


class Memories:
    """Asks everybody at once, and takes what comes in time."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def of(self, asked: Inspect) -> Memory:
        """What router and hosts know of a message or a trace."""
        try:
            router = await self._link.router_status(about=asked.message_id or asked.trace_id)
        except VareonError:
            return Memory([], [], [], [], whole=False)
        shards = list(router["hosts"].values())
        answers = await asyncio.gather(*(self._ask(shard, asked) for shard in shards))
        told = [answer for answer in answers if answer is not None]
        return Memory(
            [span for answer in told for span in answer["spans"]],
            [effect for answer in told for effect in answer["effects"]],
            [waiting for answer in told for waiting in answer["waiting"]],
            router.get("passed", []),
            whole=len(told) == len(shards),
        )

    async def of_entity(self, entity: str, shard: int) -> dict[str, Any] | None:
        """What its host knows of an entity; None if it does not answer."""
        return await self._ask(shard, Inspect(entity=entity))

    async def _ask(self, shard: int, asked: Inspect) -> dict[str, Any] | None:
        try:
            return await self._link.ask_host(Kind.INSPECT, shard, msgspec.msgpack.encode(asked))
        except VareonError:
            return None
