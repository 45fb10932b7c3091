"""What the port answers while nobody else can."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator

import pytest

from vareon_runtime.launch.starting_page import StartingPage, answer


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A bound port."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        bound.setblocking(False)
        yield bound


async def ask(listening: socket.socket, request: bytes) -> bytes:
    """Send it and read until the end."""
    reader, writer = await asyncio.open_connection(*listening.getsockname())
    writer.write(request)
    said = await reader.read()
    writer.close()
    return said


@pytest.mark.parametrize("path", ["/livez", "/livez/", "/livez?x=1"])
def test_alive(path: str) -> None:
    """The one thing that is true already."""
    head, _, body = answer(f"GET {path} HTTP/1.1\r\n\r\n".encode()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert json.loads(body) == {"status": "alive"}


@pytest.mark.parametrize("line", ["GET /", "POST /api/token", "GET /livezz", "\x00\xff", ""])
def test_starting(line: str) -> None:
    """Everything else is told when to come back, in the form that every error has."""
    head, _, body = answer(f"{line} HTTP/1.1\r\n\r\n".encode()).partition(b"\r\n\r\n")
    problem = json.loads(body)
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: 1" in head
    assert b"application/problem+json" in head
    assert problem["status"] == 503
    assert "starting" in problem["detail"]


def test_head_has_no_body() -> None:
    """As HTTP demands."""
    assert answer(b"HEAD /livez HTTP/1.1\r\n\r\n").endswith(b"\r\n\r\n")


async def test_closed_and_opened_again(listening: socket.socket) -> None:
    """While it is closed connections wait; they are answered when it opens again."""
    page = StartingPage(listening)
    await page.open()
    await page.open()
    assert b"200 OK" in await ask(listening, b"GET /livez HTTP/1.1\r\n\r\n")
    page.close()
    waiting = asyncio.create_task(ask(listening, b"GET /livez HTTP/1.1\r\n\r\n"))
    await asyncio.sleep(0)
    await page.open()
    assert b"200 OK" in await waiting
    page.close()


async def test_bodies_and_endless_heads(listening: socket.socket) -> None:
    """A body is read past, a head without end is cut."""
    page = StartingPage(listening)
    await page.open()
    post = b"POST /api/chat HTTP/1.1\r\nContent-Length: 60000\r\n\r\n" + b"x" * 60000
    assert b" 503 " in await ask(listening, post)
    assert b" 503 " in await ask(listening, b"GET /" + b"a" * 40000)
    page.close()
