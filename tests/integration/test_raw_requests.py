"""What is no proper request is told so like everything else, and slow ones are cut."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.support.system import InProcessSystem
from web import connection as module

END = b"\r\n\r\n"


async def _answered(system: InProcessSystem, *parts: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of what comes back until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", system.port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        async with asyncio.timeout(10):
            raw = await reader.read()
    finally:
        writer.close()
    head, _, body = raw.partition(END)
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(first.split()[1]), headers, body


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"nonsense" + END, 400, "malformed"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + END, 400, "malformed"),
        (b"FETCH / HTTP/1.1\r\nHost: x" + END, 400, "malformed"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1" + END, 400, "malformed"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nNo colon" + END, 400, "malformed"),
        (b"GET /" + b"x" * 9_000 + b" HTTP/1.1\r\nHost: x" + END, 414, "address_too_long"),
        (b"GET / HTTP/1.1\r\nX-Y: " + b"x" * 17_000 + END, 431, "header_too_long"),
        (b"GET / HTTP/1.1\r\n" + b"x" * 17_000 + b": y" + END, 431, "header_too_long"),
    ],
)
async def test_what_cannot_be_read_is_a_problem_too(
    system: InProcessSystem, sent: bytes, status: int, code: str
) -> None:
    """With a request id, the careful headers, and nothing of what was sent."""
    found, headers, body = await _answered(system, sent)
    told = json.loads(body)
    assert (found, told["type"]) == (status, f"urn:vareon:error:{code}")
    assert headers["content-type"].startswith("application/problem+json")
    assert told["request_id"] == headers["x-request-id"]
    assert headers["x-content-type-options"] == "nosniff"
    assert b"nonsense" not in body and b"xxxx" not in body


async def test_a_slow_head_is_cut(system: InProcessSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    """However steadily it drips; a quick one on the same connection before it is answered."""
    monkeypatch.setattr(module, "HEAD_TIME_S", 0.5)
    whole = b"GET /livez HTTP/1.1\r\nHost: x" + END
    reader, writer = await asyncio.open_connection("127.0.0.1", system.port)
    writer.write(whole)
    assert await reader.readuntil(END) and await reader.readexactly(len(b'{"status":"alive"}'))

    async def drip() -> None:
        for byte in b"GET /livez HTTP/1.1\r\nX-Slow: " + b"x" * 10_000:
            writer.write(bytes((byte,)))
            await asyncio.sleep(0.02)

    dripping = asyncio.create_task(drip())
    async with asyncio.timeout(5):
        raw = await reader.read()
    dripping.cancel()
    writer.close()
    assert raw.startswith(b"HTTP/1.1 408")
    assert b"urn:vareon:error:too_slow" in raw


async def test_a_head_in_time_is_not_cut(
    system: InProcessSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is a connection that says nothing between two requests."""
    monkeypatch.setattr(module, "HEAD_TIME_S", 0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", system.port)
    for _ in range(2):
        for part in (b"GET /livez HTT", b"P/1.1\r\nHost: x", END):
            writer.write(part)
            await asyncio.sleep(0.02)
        assert (await reader.readuntil(END)).startswith(b"HTTP/1.1 200")
        await reader.readexactly(len(b'{"status":"alive"}'))
        await asyncio.sleep(0.5)
    writer.close()
