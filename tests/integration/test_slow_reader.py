"""A client that never reads is closed; the others go on."""

from __future__ import annotations

import time
import uuid

from tests.support.by_hand import socket_by_hand
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
        with await socket_by_hand(system, f"/ws/chat/{conversation}", receive_buffer=4096):
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
