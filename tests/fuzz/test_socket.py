"""Frames that no client sends: each gets its error or its close code, and memory stays flat."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from tests.support.system import InProcessSystem

FRAMES = int(os.environ.get("FUZZ_FRAMES", "6000"))
GROWTH = 24 * 1024 * 1024
STRIKES_CODES = {1003, 1007, 1008, 1009}
ERRORS = {"invalid", "not_found", "conflict", "overloaded", "quota_exceeded"}


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[InProcessSystem]:
    """Host, router and front door."""
    async with InProcessSystem(tmp_path) as running:
        yield running


class Frames:
    """Frames that are almost right, or not at all; the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def next(self) -> str | bytes:
        """Another one: text, or now and then bytes."""
        choose = self.rng.randrange(100)
        if choose < 1:
            return self.rng.randbytes(self.rng.randrange(64))
        if choose < 20:
            return "".join(map(chr, (self.rng.randrange(0x20, 0x3000) for _ in range(20))))
        if choose < 30:
            return "[" * self.rng.randrange(5_000)
        told = json.dumps(self._frame())
        if choose < 50:
            cut = self.rng.randrange(len(told))
            return told[:cut] + self.rng.choice(["", "}", '"', "\u0000", "\\ud800"])
        return told

    def _frame(self) -> Any:
        kind = self.rng.choice(["message", "resume", "cancel", "shout", "", None, 7])
        fields: dict[str, Any] = {"type": kind}
        for name in ("content", "id", "turn", "generation", "offset", "surprise"):
            if self.rng.random() < 0.5:
                fields[name] = self._value()
        if kind == "message":
            fields.pop("content", None)  # a good one would cost a whole turn
        return fields if self.rng.random() < 0.95 else [fields]

    def _value(self) -> Any:
        return self.rng.choice(
            [None, True, -1, 0, 2**31, 2**63, 1e308, "", "x" * 200, "\u202e", [], {}, [[]], "1"]
        )


async def _talk(session: aiohttp.ClientSession, frames: Frames, count: int) -> int:
    """Send so many over one socket until it is closed; how many were sent."""
    sent = 0
    path = f"/ws/chat/{uuid.UUID(int=frames.rng.getrandbits(128))}"
    async with session.ws_connect(path) as socket:
        for _ in range(count):
            frame = frames.next()
            binary = isinstance(frame, bytes)
            await (socket.send_bytes(frame) if binary else socket.send_str(str(frame)))
            sent += 1
            if frame == json.dumps({"type": "cancel"}):
                continue
            told = await socket.receive(timeout=10)
            if told.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED):
                assert socket.close_code in STRIKES_CODES, (frame, socket.close_code)
                # The strikes before may have closed it already.
                assert not binary or socket.close_code in (1003, 1008)
                return sent
            answer = json.loads(told.data)
            assert answer["type"] == "error", (frame, answer)
            assert answer["code"] in ERRORS, (frame, answer)
            assert answer["detail"], frame
    return sent


@pytest.mark.timeout(120 + FRAMES // 20)
async def test_frames_that_no_client_sends(system: InProcessSystem) -> None:
    """Afterwards the system is well, holds no socket, and is as large as before."""
    session, frames, process = system.admin(), Frames(1), psutil.Process()
    sent, settled = 0, 0
    while sent < FRAMES:
        sent += await _talk(session, frames, 200)
        if not settled and sent >= FRAMES // 3:
            gc.collect()
            settled = process.memory_info().rss
    gc.collect()
    assert process.memory_info().rss - settled < GROWTH
    async with asyncio.timeout(10), session.get("/readyz") as response:
        assert response.status == 200
    async with asyncio.timeout(10):
        while system.front_door is not None and system.front_door.status()["sockets"]:
            await asyncio.sleep(0.01)
