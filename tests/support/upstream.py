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
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

MAX_RECORDED = 20_000
MODELS = ("fake-small", "fake-large")


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came."""

    model: str
    messages: list[dict[str, str]]
    body: dict[str, Any]
    headers: dict[str, str]
    connection: int


@dataclass(slots=True)
class Exchange:
    """One request being answered."""

    request: web.Request
    received: Received
    upstream: Upstream
    pace_s: float
    sent: int = field(default=0)

    @property
    def words(self) -> list[str]:
        """The pieces of the answer."""
        return words_of(answer_to(self.received.messages))


Behaviour = Callable[[Exchange], Awaitable[web.StreamResponse]]


def answer_to(messages: Sequence[dict[str, str]]) -> str:
    """What `Upstream` answers to a prompt: it names the prompt's length and echoes its end."""
    return f"({len(messages)}) You said: {messages[-1]['content'] if messages else ''}"


def words_of(text: str) -> list[str]:
    """The pieces in which an answer is streamed."""
    return [f"{word} " for word in text.split(" ")[:-1]] + text.split(" ")[-1:]


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


def error_response(
    status: int, message: str, code: str, headers: dict[str, str] | None = None
) -> web.Response:
    """An error in OpenAI's shape."""
    body = {"error": {"message": message, "type": code, "code": code, "param": None}}
    return web.json_response(body, status=status, headers=headers)


def piece(text: str | None, finish_reason: str | None = None) -> bytes:
    """One event of a streamed answer."""
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return event({"id": "x", "object": "chat.completion.chunk", "choices": [choice]})


def usage(prompt_tokens: int, completion_tokens: int) -> bytes:
    """The event with the token counts."""
    counts = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
    return event({"id": "x", "choices": [], "usage": counts})


def event(body: Any) -> bytes:
    """Anything as an event."""
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n".encode()


DONE = b"data: [DONE]\n\n"


async def open_stream(exchange: Exchange) -> web.StreamResponse:
    """The head of a streamed answer, sent."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
    await response.prepare(exchange.request)
    return response


async def paced(exchange: Exchange, words: Sequence[str]) -> AsyncIterator[str]:
    """Words with the pace between them."""
    for number, word in enumerate(words):
        if number and exchange.pace_s:
            await asyncio.sleep(exchange.pace_s)
        yield word


async def _ok(exchange: Exchange) -> web.StreamResponse:
    response = await open_stream(exchange)
    async for word in paced(exchange, exchange.words):
        await response.write(piece(word))
    await _end(response, exchange)
    return response


async def _end(response: web.StreamResponse, exchange: Exchange) -> None:
    await response.write(piece(None, "stop"))
    if (exchange.received.body.get("stream_options") or {}).get("include_usage"):
        await response.write(usage(len(exchange.received.messages), len(exchange.words)))
    await response.write(DONE)


async def _gate(exchange: Exchange) -> web.StreamResponse:
    response = await open_stream(exchange)
    await response.write(piece(exchange.words[0]))
    await exchange.upstream.gate()
    for word in exchange.words[1:]:
        await response.write(piece(word))
    await _end(response, exchange)
    return response


async def _silence(exchange: Exchange) -> web.StreamResponse:
    await exchange.upstream.hang()
    return web.Response()


async def _silence_after_head(exchange: Exchange) -> web.StreamResponse:
    response = await open_stream(exchange)
    await response.write(b": waiting\n\n")
    await exchange.upstream.hang()
    return response


async def _stall(exchange: Exchange) -> web.StreamResponse:
    response = await open_stream(exchange)
    await response.write(piece(exchange.words[0]))
    await exchange.upstream.hang()
    return response


async def _cut(exchange: Exchange) -> web.StreamResponse:
    response = await open_stream(exchange)
    await response.write(piece(exchange.words[0]))
    return _abort(exchange, response)


async def _reset(exchange: Exchange) -> web.StreamResponse:
    return _abort(exchange, web.Response())


def _abort(exchange: Exchange, response: web.StreamResponse) -> web.StreamResponse:
    if exchange.request.transport is not None:
        exchange.request.transport.abort()
    return response


async def _no_done(exchange: Exchange) -> web.StreamResponse:
    response = await open_stream(exchange)
    for word in exchange.words:
        await response.write(piece(word))
    return response


async def _finish_without_done(exchange: Exchange) -> web.StreamResponse:
    response = await _no_done(exchange)
    await response.write(piece(None, "stop"))
    return response


async def _garbage(exchange: Exchange) -> web.StreamResponse:
    response = await open_stream(exchange)
    await response.write(b"data: {this is not JSON\n\n")
    return response


async def _binary(_exchange: Exchange) -> web.StreamResponse:
    return web.Response(body=bytes(range(256)) * 64, content_type="application/octet-stream")


async def _web_page(_exchange: Exchange) -> web.StreamResponse:
    return web.Response(text="<html>Welcome</html>", content_type="text/html")


async def _huge(exchange: Exchange) -> web.StreamResponse:
    response = await open_stream(exchange)
    await response.write(b"data: " + b"x" * (2 * 1024 * 1024))
    await response.write(b"\n\n")
    return response


async def _endless(exchange: Exchange) -> web.StreamResponse:
    response = await open_stream(exchange)
    for _ in range(40):
        await response.write(piece("y" * 64 * 1024))
    await _end(response, exchange)
    return response


async def _plain_json(exchange: Exchange) -> web.StreamResponse:
    said = {"role": "assistant", "content": answer_to(exchange.received.messages)}
    choice = {"index": 0, "message": said, "finish_reason": "stop"}
    counts = {"prompt_tokens": 3, "completion_tokens": 4}
    return web.json_response({"object": "chat.completion", "choices": [choice], "usage": counts})


async def _split(exchange: Exchange) -> web.StreamResponse:
    """Every byte in a write of its own, so that characters and line ends are cut."""
    response = await open_stream(exchange)
    everything = b": hello\r\n\r\n" + piece("Grüße 👋🏽 ").replace(b"\n", b"\r\n")
    everything += piece(exchange.words[-1]) + piece(None, "stop") + DONE
    for number in range(len(everything)):
        await response.write(everything[number : number + 1])
        await asyncio.sleep(0)
    return response


async def _error_event(exchange: Exchange) -> web.StreamResponse:
    response = await open_stream(exchange)
    await response.write(piece(exchange.words[0]))
    await response.write(event({"error": {"message": "The model crashed.", "code": 500}}))
    return response


async def _limit_event(exchange: Exchange) -> web.StreamResponse:
    response = await open_stream(exchange)
    await response.write(event({"error": {"message": "Slow down.", "code": "rate_limit_exceeded"}}))
    return response


async def _redirect(_exchange: Exchange) -> web.StreamResponse:
    return web.Response(status=307, headers={"Location": "http://127.0.0.1:1/v1"})


async def _refuse_temperature(exchange: Exchange) -> web.StreamResponse:
    if "temperature" in exchange.received.body:
        message = "Unsupported value: 'temperature' does not support 0.7 with this model."
        return error_response(400, message, "unsupported_value")
    return await _ok(exchange)


async def _quotes_key(exchange: Exchange) -> web.StreamResponse:
    sent = exchange.received.headers.get("Authorization", "").removeprefix("Bearer ")
    return error_response(401, f"Incorrect API key provided: {sent}.", "invalid_api_key")


def _status(status: int, message: str, code: str, **headers: str) -> Behaviour:
    async def answer(_exchange: Exchange) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return error_response(status, message, code, named)

    return answer


BEHAVIOURS: dict[str, Behaviour] = {
    "ok": _ok,
    "gate": _gate,
    "401": _status(401, "Incorrect API key provided.", "invalid_api_key"),
    "403": _status(403, "Your account may not use this.", "permission_error"),
    "404": _status(404, "The model does not exist.", "model_not_found"),
    "429": _status(429, "Rate limit reached.", "rate_limit_exceeded", Retry_After="7"),
    "500": _status(500, "The server had an error.", "server_error"),
    "503": _status(503, "Overloaded.", "overloaded_error", Retry_After="3"),
    "silence": _silence,
    "silence-after-head": _silence_after_head,
    "stall": _stall,
    "cut": _cut,
    "reset": _reset,
    "no-done": _no_done,
    "finish-without-done": _finish_without_done,
    "garbage": _garbage,
    "binary": _binary,
    "web-page": _web_page,
    "huge": _huge,
    "endless": _endless,
    "plain-json": _plain_json,
    "split": _split,
    "error-event": _error_event,
    "limit-event": _limit_event,
    "redirect": _redirect,
    "refuse-temperature": _refuse_temperature,
    "quotes-key": _quotes_key,
}


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
