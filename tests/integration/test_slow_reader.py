"""A client that never reads is closed; the others go on."""

from __future__ import annotations

import asyncio
import socket
import time
import uuid

from tests.support.chat_client import ChatClient
from tests.support.system import InProcessSystem
from tests.support.upstream import Upstream

CLOSED_WITHIN_S = 12.0


async def test_a_client_that_never_reads_is_closed(
    system: InProcessSystem, upstream: Upstream
) -> None:
    """Within ten seconds of a mebibyte queued."""
    await system.connect_model(upstream.base_url)
    admin, conversation = system.admin(), str(uuid.uuid4())
    async with ChatClient(admin, conversation) as client:
        await client.say("begin")
        await client.until("done")
        front_door = system.front_door
        assert front_door is not None
        with await open_deaf_socket(system, conversation):
            queued_at = 0.0
            while front_door.status()["sockets"] == 2:
                upstream.script("endless")
                await client.say("tell me everything")
                await client.until("error", code="upstream_invalid")
                client.frames.clear()
                queued_at = queued_at or time.monotonic()
            assert time.monotonic() - queued_at < CLOSED_WITHIN_S
            await client.say("still here?")
            last = await client.until("done")
            assert last["message"]["message_content"].endswith("still here?")


async def open_deaf_socket(system: InProcessSystem, conversation: str) -> socket.socket:
    """Shake hands by hand, then never read again."""
    loop = asyncio.get_running_loop()
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.setblocking(False)
    await loop.sock_connect(deaf, ("127.0.0.1", system.port))
    token = system.tokens.issue_access(system.admin_id)
    await loop.sock_sendall(
        deaf,
        (
            f"GET /ws/chat/{conversation} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nAuthorization: Bearer {token}\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ).encode(),
    )
    head = await loop.sock_recv(deaf, 12)
    assert head == b"HTTP/1.1 101"
    return deaf
