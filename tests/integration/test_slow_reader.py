"""A client that never reads costs a bounded amount and is cut off; the others go on."""

from __future__ import annotations

import asyncio
import socket
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.by_hand import request_by_hand, socket_by_hand
from tests.support.chat_client import ChatClient
from tests.support.system import InProcessSystem
from tests.support.upstream import Upstream
from vareon_runtime.hosting.feed import PIECE
from vareon_runtime.routing.client import LinkBus
from vareon_runtime.routing.subscription import WINDOW, LinkSubscription
from web.api import chat_stream
from web.front_door import FrontDoor
from web.sockets.chat import ChatSocket
from web.sockets.outgoing import MOST_QUEUED, Outgoing
from web.sockets.serving import WRITE_AHEAD

CLOSED_WITHIN_S = 12.0
SYSTEM_BUFFER = 8192
ONE_FRAME = 4 * PIECE
HANDED_OVER = 2 * WRITE_AHEAD + ONE_FRAME
"""A connection that takes nothing is noticed after as many bytes as it may hold anyway."""


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[InProcessSystem]:
    """A system whose connections hold little outside of it, so that a deaf client is felt soon."""
    found = InProcessSystem(tmp_path)
    found.listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SYSTEM_BUFFER)
    async with found as running:
        yield running


class Most:
    """The most that the front door has held for any one stream, looked at with each frame.

    Attributes:
        arrived: Bytes that one subscription held.
        queued: Bytes that waited for one socket's writer.
        handed_over: Bytes that one connection held.
    """

    def __init__(self, system: InProcessSystem, monkeypatch: pytest.MonkeyPatch) -> None:
        self.arrived = self.queued = self.handed_over = 0
        self.full = asyncio.Event()
        assert isinstance(system.front_door, FrontDoor)
        self.door = system.front_door
        bus = self.door._bus
        assert isinstance(bus, LinkBus)
        self.bus = bus
        received, put = LinkSubscription.received, Outgoing.put

        def receive(subscription: LinkSubscription, kind: int, payload: bytes) -> None:
            received(subscription, kind, payload)
            held = sum(len(waiting) for _, waiting in subscription._arrived)
            self.arrived = max(self.arrived, held)
            self._look()
            if held > WINDOW // 2:
                self.full.set()

        def queue(outgoing: Outgoing, payload: bytes) -> None:
            put(outgoing, payload)
            self.queued = max(self.queued, outgoing._size)
            self._look()

        monkeypatch.setattr(LinkSubscription, "received", receive)
        monkeypatch.setattr(Outgoing, "put", queue)

    def _look(self) -> None:
        server = self.door._runner.server
        assert server is not None
        for protocol in server.connections:
            if isinstance(protocol.transport, asyncio.Transport):
                held = protocol.transport.get_write_buffer_size()
                self.handed_over = max(self.handed_over, held)


async def test_a_socket_that_never_reads_is_closed(
    system: InProcessSystem, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within ten seconds of a mebibyte queued."""
    await system.connect_model(upstream.base_url)
    admin, conversation = system.admin(), str(uuid.uuid4())
    most = Most(system, monkeypatch)
    async with ChatClient(admin, conversation) as client:
        await client.say("begin")
        await client.until("done")
        with await socket_by_hand(system, f"/ws/chat/{conversation}", receive_buffer=4096):
            queued_at = 0.0
            while most.door.status()["sockets"] == 2:
                upstream.script("endless")
                await client.say("tell me everything")
                await client.until("error", code="upstream_invalid")
                client.frames.clear()
                queued_at = queued_at or time.monotonic()
            assert time.monotonic() - queued_at < CLOSED_WITHIN_S
            await client.say("still here?")
            last = await client.until("done")
            assert last["message"]["message_content"].endswith("still here?")
    assert MOST_QUEUED // 2 < most.queued <= MOST_QUEUED
    assert most.arrived <= WINDOW + ONE_FRAME
    assert SYSTEM_BUFFER < most.handed_over <= HANDED_OVER
    assert not [line for line in lines(most) if line._outgoing._size]


def lines(most: Most) -> list[ChatSocket]:
    """The sockets that are open."""
    found = most.door._sockets._of_conversation.values()
    return [line for sockets in found for line in sockets if isinstance(line, ChatSocket)]


async def test_events_that_nobody_reads_pause_their_source_and_end(
    system: InProcessSystem, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more than the credit is taken from the host; the turn itself does not wait for it."""
    monkeypatch.setattr(chat_stream, "WRITE_TIME_S", 2.0)
    await system.connect_model(upstream.base_url)
    most = Most(system, monkeypatch)
    upstream.script("endless")
    said = {"message": "tell me everything"}
    with await request_by_hand(
        system, "POST", "/api/chat", said, receive_buffer=4096, Accept="text/event-stream"
    ):
        await most.full.wait()
        async with system.admin().post("/api/chat", json={"message": "one two"}) as response:
            assert response.status == 200
            assert (await response.json())["response"].endswith("one two")
        async with asyncio.timeout(CLOSED_WITHIN_S):
            while most.bus._streams:
                await asyncio.sleep(0.01)
    assert WINDOW // 2 < most.arrived <= WINDOW + ONE_FRAME
    assert SYSTEM_BUFFER < most.handed_over <= HANDED_OVER
