"""Bad input: each its 4xx or close code at once, and nobody else notices."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import uuid
from typing import Any

import aiohttp
import pytest

from tests.support.chat_client import ChatClient
from tests.support.system import InProcessSystem

MIB = 1024 * 1024
JSON_ROUTES = (
    ("POST", "/api/chat"),
    ("POST", "/api/chat/conversations"),
    ("POST", "/api/cognisys/providers"),
    ("POST", "/api/cognisys/models"),
    ("PUT", "/api/arcana/llm/preferences"),
    ("POST", "/api/users"),
    ("POST", "/api/entities/counter/mine/Add"),
)
MALFORMED = {
    "cut": b'{"message": "x',
    "no JSON": b"hello",
    "bad UTF-8": b'{"message": "\xff\xfe"}',
    "lone surrogate": b'{"message": "\\ud800"}',
    "deep list": b"[" * 200_000,
    "deep object": b'{"message":' * 50_000 + b"1" + b"}" * 50_000,
    "a list": b"[1]",
    "a number": b"7",
    "null": b"null",
    "too large": b'{"message": "' + b"x" * (10 * MIB) + b'"}',
    "said to be gzip": b"this is no gzip",
    "a bomb": gzip.compress(b"0" * (64 * MIB)),
}

UNFITTING: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/api/chat", {"message": 1}),
    ("POST", "/api/chat", {"message": "x", "surprise": 1}),
    ("POST", "/api/chat", {"message": "x", "conversation_id": 7}),
    ("POST", "/api/chat", {"message": "x", "conversation_id": "nonsense"}),
    ("POST", "/api/chat", {"message": ""}),
    ("POST", "/api/chat", {"message": "x" * 100_001}),
    ("POST", "/api/chat", {}),
    ("POST", "/api/chat/conversations", {"title": "x" * 201}),
    ("POST", "/api/chat/conversations", {"title": 3}),
    ("POST", "/api/cognisys/providers", {"name": "x"}),
    ("POST", "/api/cognisys/providers", {"name": "x", "base_url": "ftp://x", "api_key": ""}),
    ("POST", "/api/cognisys/providers", {"name": "x", "base_url": "http://", "api_key": ""}),
    ("PUT", "/api/arcana/llm/preferences", {"temperature": 9}),
    ("PUT", "/api/arcana/llm/preferences", {"temperature": "hot"}),
    ("PUT", "/api/arcana/llm/preferences", {"surprise": 1}),
    ("POST", "/api/entities/counter/mine/Add", {"amount": "x"}),
    ("POST", "/api/entities/counter/mine/Add", {"surprise": 1}),
    ("GET", "/api/chat/history/nonsense", None),
    ("GET", "/api/chat/conversations?limit=1001", None),
    ("GET", "/api/chat/conversations?skip=-1", None),
    ("GET", "/api/chat/conversations?cursor=x", None),
)
UNKNOWN = (
    ("GET", "/api", 404),
    ("GET", "/api/nothing", 404),
    ("GET", "/v1/models/x/y", 404),
    ("GET", "/ws", 404),
    ("GET", "/ws/nothing", 404),
    ("GET", "/index.php", 404),
    ("GET", "/api/chat", 405),
    ("PATCH", "/api/chat", 405),
    ("DELETE", "/", 405),
    ("GET", "/api/cognisys/providers/nonsense", 404),
    ("GET", "/api/cognisys/models/nonsense", 404),
    ("PUT", "/api/cognisys/models/nonsense", 404),
    ("DELETE", "/api/cognisys/providers/%ff", 404),
    ("POST", "/api/entities/user/someone/CreateUser", 404),
    ("POST", "/api/entities/conversation/mine/PostMessage", 404),
    ("POST", "/api/entities/nothing/mine/Add", 404),
    ("POST", "/api/entities/counter/mine/Nothing", 422),
    ("GET", "/ws/chat/0198c0de-0000-7000-8000-000000000001", 426),
)


async def test_every_json_route_refuses_what_it_cannot_read(system: InProcessSystem) -> None:
    """With problem JSON, at once."""
    admin = system.admin()
    for method, path in JSON_ROUTES:
        for what, body in MALFORMED.items():
            headers = {"Content-Type": "application/json"}
            if what in ("said to be gzip", "a bomb"):
                headers["Content-Encoding"] = "gzip"
            async with (
                asyncio.timeout(10),
                admin.request(method, path, data=io.BytesIO(body), headers=headers) as response,
            ):
                text = await response.text()
                assert 400 <= response.status < 500, (path, what, response.status, text)
                assert response.content_type == "application/problem+json", (path, what)
                assert json.loads(text)["detail"], (path, what)
    async with admin.get("/readyz") as response:
        assert response.status == 200


async def test_what_does_not_fit_is_422(system: InProcessSystem) -> None:
    """With one readable sentence."""
    admin = system.admin()
    for method, path, body in UNFITTING:
        async with admin.request(method, path, json=body) as response:
            told = await response.json()
            assert (response.status, told["type"]) == (422, "urn:vareon:error:invalid"), (
                path,
                body,
            )


async def test_unknown_addresses(system: InProcessSystem) -> None:
    """Problem JSON, never a page."""
    admin = system.admin()
    for method, path, status in UNKNOWN:
        body = {} if method in ("POST", "PUT") else None
        async with admin.request(method, path, json=body) as response:
            assert response.status == status, (method, path, await response.text())
            assert response.content_type == "application/problem+json"


async def test_bad_frames_get_an_error_and_the_socket_stays(system: InProcessSystem) -> None:
    """Twenty in a row are too many."""
    bad = [
        "",
        "nonsense",
        "[]",
        "{}",
        '{"type":"shout"}',
        '{"type":7}',
        '{"type":"message"}',
        '{"type":"message","content":""}',
        '{"type":"message","content":7}',
        '{"type":"message","content":"x","surprise":1}',
        '{"type":"message","content":"x","id":"' + "i" * 129 + '"}',
        '{"type":"message","content":"' + "x" * 100_001 + '"}',
        '{"type":"resume","turn":"t","generation":"1","offset":0}',
        '{"type":"resume","turn":"t","generation":1,"offset":-1}',
        '{"type":"cancel","why":"because"}',
        "[" * 100_000,
        '{"type":"message","content":"\\ud800"}',
    ]
    async with ChatClient(system.admin(), str(uuid.uuid4())) as client:
        for frame in bad:
            await client.socket.send_str(frame)
            error = await client.next()
            assert (error["type"], error["code"]) == ("error", "invalid"), frame[:60]
        await client.say("all right")
        await client.until("done")
        for _ in range(25):
            await client.socket.send_str("nonsense")
        assert await client.closed() == 1008


@pytest.mark.parametrize(
    ("kind", "frame", "code"),
    [
        (aiohttp.WSMsgType.BINARY, b"{}", 1003),
        (aiohttp.WSMsgType.TEXT, b'{"type":"message","content":"' + b"x" * MIB + b'"}', 1009),
        (aiohttp.WSMsgType.TEXT, b"\xff\xfe", 1007),
    ],
)
async def test_frames_that_close_the_socket(
    system: InProcessSystem, kind: aiohttp.WSMsgType, frame: bytes, code: int
) -> None:
    """Binary, oversized, and text that is none; before and after the conversation began."""
    admin = system.admin()
    begun = str(uuid.uuid4())
    async with ChatClient(admin, begun) as neighbour:
        await neighbour.say("hello")
        await neighbour.until("done")
        for conversation in (str(uuid.uuid4()), begun):
            async with ChatClient(admin, conversation) as client:
                await client.socket.send_frame(frame, kind)
                assert await client.closed() == code
        await neighbour.say("still here")
        await neighbour.until("done")
