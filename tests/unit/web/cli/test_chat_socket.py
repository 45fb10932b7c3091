"""The terminal's side of a chat, against a server that says what a test tells it to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from web.cli import chat_socket
from web.cli.instance import Target

DONE = {"type": "done", "turn": "t", "generation": 1, "message": {}, "usage": {}, "route": {}}
ACCEPTED = {"type": "accepted", "id": "m", "turn": "t", "message_id": "x"}
DROP: dict[str, Any] = {}


def delta(text: str, offset: int, generation: int = 1, turn: str = "t") -> dict[str, Any]:
    """A piece; the offset is where the next one begins."""
    return {
        "type": "delta",
        "turn": turn,
        "generation": generation,
        "offset": offset,
        "text": text,
    }


@dataclass
class Server:
    """Plays one script for each connection, once the message has come."""

    scripts: list[list[dict[str, Any]]] = field(default_factory=list)
    received: list[list[dict[str, Any]]] = field(default_factory=list)
    refuse_with: int = 0
    url: str = ""

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """The route."""
        if self.refuse_with:
            return web.Response(status=self.refuse_with)
        socket = web.WebSocketResponse(protocols=("vareon.v1",))
        await socket.prepare(request)
        frames: list[dict[str, Any]] = []
        self.received.append(frames)
        while not frames or frames[-1]["type"] != "message":
            frames.append(await socket.receive_json())
        for frame in self.scripts.pop(0):
            if frame is DROP:
                break
            await socket.send_json(frame)
        await socket.close()
        return socket


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    """A running one; reconnects happen at once."""
    monkeypatch.setattr(chat_socket, "_PAUSE_S", 0.0)
    playing = Server()
    app = web.Application()
    app.router.add_get("/ws/chat/{conversation}", playing.chat)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    playing.url = f"http://{host}:{port}"
    yield playing
    await runner.cleanup()


async def say(server: Server) -> str:
    """One message."""
    return await chat_socket.converse(Target(server.url, "token"), "c", "m", "hello")


async def test_answer(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """Pieces of this turn are shown, those of another are not."""
    other = delta("noise", 5, turn="u")
    server.scripts = [[ACCEPTED, delta("Hel", 3), other, delta("lo", 5), DONE]]
    assert await say(server) == ""
    assert capsys.readouterr().out == "Hello\n"
    assert server.received == [[{"type": "message", "id": "m", "content": "hello"}]]


async def test_reset(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """A new generation begins on a line of its own."""
    reset = {"type": "reset", "turn": "t", "generation": 2}
    server.scripts = [[ACCEPTED, delta("Hel", 3), reset, delta("Ciao", 4, 2), DONE]]
    assert await say(server) == ""
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Hel"
    assert lines[-1] == "Ciao"


async def test_error(server: Server) -> None:
    """A typed error becomes the reason."""
    error = {"type": "error", "turn": "t", "code": "upstream_timeout", "detail": "It is silent."}
    server.scripts = [[ACCEPTED, {**error, "retryable": True}]]
    assert await say(server) == "It is silent. (upstream_timeout)"


async def test_lost_connection(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """The rest is asked for at the place that was reached, and nothing is shown twice."""
    server.scripts = [
        [ACCEPTED, delta("Hel", 3), DROP],
        [delta("Hello", 5), ACCEPTED, delta(", Ada", 10), DONE],
    ]
    assert await say(server) == ""
    assert capsys.readouterr().out == "Hello, Ada\n"
    assert server.received[1][0] == {"type": "resume", "turn": "t", "generation": 1, "offset": 3}
    assert server.received[1][1]["id"] == "m"


@pytest.mark.parametrize(("status", "reason"), [(401, "token"), (404, "404")])
async def test_refusal(server: Server, status: int, reason: str) -> None:
    """Is final, and says why."""
    server.refuse_with = status
    assert reason in await say(server)


async def test_nobody_there() -> None:
    """Says how to start it."""
    failure = await chat_socket.converse(Target("http://127.0.0.1:1", "t"), "c", "m", "hello")
    assert "vareon up" in failure
