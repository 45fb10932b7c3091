"""A real server that speaks OpenAI's wire format and fails on demand.

In a test::

    async with Upstream() as upstream:
        upstream.script("429", "ok")          # the next two requests
        ...                                   # upstream.base_url is what a provider needs
        assert upstream.requests[-1].messages[-1]["content"] == "hello"

In a process of its own: ``python -m tests.support.upstream --port 9000``. Then
``POST /script`` with ``{"behaviours": ["cut"]}`` queues behaviours, ``POST /release`` opens
the gate, and ``GET /requests`` tells what was received.

Which behaviour answers: the next scripted one, else the one that the model's name asks for
(``fault-cut``, ``pace-20`` for 20 ms between words), else ``ok``.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import deque
from typing import Self

from aiohttp import web

from tests.support.upstream_faults import (
    BEHAVIOURS,
    Exchange,
    Received,
    answer_to,
    error_response,
    words_of,
)

__all__ = ["BEHAVIOURS", "MODELS", "Received", "Upstream", "answer_to", "words_of"]

MAX_RECORDED = 20_000
MODELS = ("fake-small", "fake-large")


class Upstream:
    """The server.

    Args:
        pace_s: Seconds between two pieces of an answer.
        key: If set, requests without this key are refused.
    """

    def __init__(self, *, pace_s: float = 0.0, key: str = "") -> None:
        self.pace_s = pace_s
        self.key = key
        self.requests: deque[Received] = deque(maxlen=MAX_RECORDED)
        self.port = 0
        self._count = 0
        self._script: deque[str] = deque()
        self._changed = asyncio.Condition()
        self._gate = asyncio.Event()
        self._closing = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @property
    def base_url(self) -> str:
        """What a provider of this server has as its address."""
        return f"http://127.0.0.1:{self.port}/v1"

    def script(self, *behaviours: str) -> None:
        """Choose how the next requests are answered, one each."""
        unknown = [name for name in behaviours if name not in BEHAVIOURS]
        if unknown:
            raise KeyError(f"{unknown[0]} is none of {', '.join(BEHAVIOURS)}")
        self._script.extend(behaviours)

    def release(self) -> None:
        """Open the gate that ``gate`` answers wait at."""
        self._gate.set()

    async def received(self, count: int) -> None:
        """Wait until so many requests have come."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._count >= count)

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> None:
        """Listen."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_get("/v1/models", self._list_models)
        app.router.add_get("/api/tags", self._list_tags)
        app.router.add_get("/requests", self._list_requests)
        app.router.add_post("/script", self._take_script)
        app.router.add_post("/release", self._take_release)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening, and end what hangs."""
        self._closing.set()
        self._gate.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def hang(self) -> None:
        """Say nothing until the test is over."""
        await self._closing.wait()

    async def gate(self) -> None:
        """Wait for `release`."""
        await self._gate.wait()

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        received = Received(
            model=body.get("model", ""),
            messages=body.get("messages", []),
            body=body,
            headers=dict(request.headers),
            connection=id(request.transport),
        )
        self.requests.append(received)
        async with self._changed:
            self._count += 1
            self._changed.notify_all()
        if self.key and request.headers.get("Authorization") != f"Bearer {self.key}":
            return error_response(401, "Incorrect API key provided.", "invalid_api_key")
        name, pace_s = self._behaviour_for(received.model)
        return await BEHAVIOURS[name](Exchange(request, received, self, pace_s))

    def _behaviour_for(self, model: str) -> tuple[str, float]:
        pace_s = self.pace_s
        if model.startswith("pace-"):
            pace_s = float(model.removeprefix("pace-")) / 1000.0
        if self._script:
            return self._script.popleft(), pace_s
        wished = model.removeprefix("fault-") if model.startswith("fault-") else "ok"
        return (wished if wished in BEHAVIOURS else "ok"), pace_s

    async def _list_models(self, request: web.Request) -> web.Response:
        if self.key and request.headers.get("Authorization") != f"Bearer {self.key}":
            return error_response(401, "Incorrect API key provided.", "invalid_api_key")
        listed = [{"id": name, "object": "model", "created": 1} for name in MODELS]
        return web.json_response({"object": "list", "data": listed})

    async def _list_tags(self, _request: web.Request) -> web.Response:
        return web.json_response({"models": [{"name": f"{name}:latest"} for name in MODELS]})

    async def _list_requests(self, _request: web.Request) -> web.Response:
        listed = [{"model": one.model, "messages": one.messages} for one in self.requests]
        return web.json_response(listed)

    async def _take_script(self, request: web.Request) -> web.Response:
        try:
            self.script(*(await request.json())["behaviours"])
        except KeyError as error:
            return error_response(400, str(error), "unknown_behaviour")
        return web.json_response({"ok": True})

    async def _take_release(self, _request: web.Request) -> web.Response:
        self.release()
        return web.json_response({"ok": True})


async def serve(host: str, port: int, pace_s: float, key: str) -> None:
    """Run until cancelled."""
    upstream = Upstream(pace_s=pace_s, key=key)
    await upstream.start(port, host)
    print(f"listening on {upstream.base_url}", flush=True)  # noqa: T201
    try:
        await asyncio.Event().wait()
    finally:
        await upstream.stop()


def main() -> None:
    """Run as a process."""
    parser = argparse.ArgumentParser(description="A fake OpenAI-compatible server.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--pace-ms", type=float, default=0.0)
    parser.add_argument("--key", default="")
    chosen = parser.parse_args()
    try:
        asyncio.run(serve(chosen.host, chosen.port, chosen.pace_ms / 1000.0, chosen.key))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
