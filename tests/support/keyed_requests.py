"""Requests under an ``Idempotency-Key``, and an ask of theirs that a test holds back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from vareon_runtime.identity import EntityId
from web.keyed import KeyedBus

WAIT_S = 20.0


async def outcome_of(
    session: aiohttp.ClientSession, method: str, path: str, key: str, body: Any = None
) -> tuple[int, Any]:
    """Status and body of the answer."""
    headers = {"Idempotency-Key": key}
    async with session.request(method, path, json=body, headers=headers) as response:
        return response.status, await response.json()


async def settled(
    session: aiohttp.ClientSession, method: str, path: str, key: str, body: Any = None
) -> tuple[int, Any]:
    """The outcome once the front door is open and nothing with this key runs."""
    async with asyncio.timeout(WAIT_S):
        while (told := await outcome_of(session, method, path, key, body))[0] in (409, 503):
            await asyncio.sleep(0)
    return told


class HeldBack:
    """Holds one kind of ask back in the front door, before it is sent or after its reply.

    Attributes:
        asked: The kinds of what was asked, in order.
        held: The messages that were held back.
        asks: Ask something in place of each, of the same entity and under the same id.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, *, replied: bool) -> None:
        self.reached, self.open = asyncio.Event(), asyncio.Event()
        self.asked: list[str] = []
        self.held: list[Any] = []
        self.asks: list[Callable[[Any], Awaitable[Any]]] = []
        ask = KeyedBus.ask

        async def hold(bus: KeyedBus, target: EntityId, message: Any, **more: Any) -> Any:
            kind = type(message).__name__
            self.asked.append(kind)
            if kind != name:
                return await ask(bus, target, message, **more)
            reply = await ask(bus, target, message, **more) if replied else None
            self.held.append(message)
            self.asks.append(lambda other: ask(bus, target, other, **more))
            self.reached.set()
            await self.open.wait()
            return reply if replied else await ask(bus, target, message, **more)

        monkeypatch.setattr(KeyedBus, "ask", hold)
