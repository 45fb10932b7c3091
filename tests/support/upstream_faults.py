"""How `tests.support.upstream.Upstream` answers: well, slowly, wrongly, or not at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from tests.support.upstream import Upstream


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
