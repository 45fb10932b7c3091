"""What a chat turn adds to the first token, over asking the model's endpoint directly."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from typing import Any

import aiohttp

from benchmarks.figures import Line
from benchmarks.system import RunningSystem, free_port
from vareon_runtime.clock import SystemClock
from vareon_runtime.identity import seeded_ids

TURNS = 150
TURNS_EACH = 10
"""In one conversation; the history a model is given grows with it."""
RUNS = 3


async def measure(system: RunningSystem) -> list[Line]:
    """Turns over a WebSocket, interleaved with direct calls."""
    port = free_port()
    upstream = subprocess.Popen(
        [sys.executable, "-m", "tests.support.upstream", "--port", str(port)],
        stdout=subprocess.DEVNULL,
    )
    base = f"http://127.0.0.1:{port}/v1"
    try:
        async with aiohttp.ClientSession() as session:
            await _until_answering(session, base)
            await _connect_model(session, system, base)
            return [_line([await _run(session, system, base) for _ in range(RUNS)])]
    finally:
        upstream.terminate()
        upstream.wait(10)


async def _run(
    session: aiohttp.ClientSession, system: RunningSystem, base: str
) -> tuple[float, float]:
    direct: list[float] = []
    through: list[float] = []
    headers = {"Authorization": f"Bearer {system.token}"}
    ids = seeded_ids(SystemClock())
    for _ in range(TURNS // TURNS_EACH):
        url = f"{system.url}/ws/chat/{ids.text_id()}"
        async with session.ws_connect(url, headers=headers) as socket:
            for turn in range(TURNS_EACH):
                direct.append(await _direct(session, base))
                through.append(await _through(socket, turn))
    return statistics.median(direct[10:]) * 1e3, statistics.median(through[10:]) * 1e3


async def _direct(session: aiohttp.ClientSession, base: str) -> float:
    body = {"model": "fake-small", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    began = time.perf_counter()
    first = 0.0
    async with session.post(f"{base}/chat/completions", json=body) as answer:
        async for line in answer.content:
            if not first and b'"content"' in line and b'"content":""' not in line:
                first = time.perf_counter() - began
    return first


async def _through(socket: aiohttp.ClientWebSocketResponse[bool], turn: int) -> float:
    began = time.perf_counter()
    await socket.send_json({"type": "message", "id": f"m{turn}", "content": "hi"})
    first = 0.0
    while True:
        frame: dict[str, Any] = json.loads((await socket.receive(timeout=20)).data)
        if frame["type"] == "delta" and not first:
            first = time.perf_counter() - began
        elif frame["type"] == "done":
            return first
        elif frame["type"] == "error":
            raise RuntimeError(frame["detail"])


def _line(runs: list[tuple[float, float]]) -> Line:
    direct, through = min(runs, key=lambda run: run[1] - run[0])
    added = through - direct
    return Line(
        "chat turn, first token over WebSocket, p50",
        f"{through:.2f} ms",
        f"asking the endpoint directly: {direct:.2f} ms",
        f"{added:.2f} ms added",
        "4 ms (stretch 2.5)",
        added <= 4.0,
    )


async def _until_answering(session: aiohttp.ClientSession, base: str) -> None:
    for _ in range(250):
        try:
            async with session.get(f"{base}/models"):
                return
        except aiohttp.ClientError:
            await asyncio.sleep(0.02)
    raise RuntimeError("the stub upstream does not start")


async def _connect_model(session: aiohttp.ClientSession, system: RunningSystem, base: str) -> None:
    headers = {"Authorization": f"Bearer {system.token}"}
    provider = {"name": "stub", "base_url": base, "api_key": "sk-stub"}
    url = f"{system.url}/api/cognisys"
    async with session.post(f"{url}/providers/", json=provider, headers=headers) as answer:
        answer.raise_for_status()
        provider_id = (await answer.json())["id"]
    model = {"provider_id": provider_id, "model_name": "fake-small", "type": "chat"}
    async with session.post(f"{url}/models/", json=model, headers=headers) as answer:
        answer.raise_for_status()
