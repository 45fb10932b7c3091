"""A reader's end of an entity's stream.

It is an ask whose reply comes at its end, with frames in between. The router tells it at once
when the host or the link is gone; it then subscribes again at its own position, so the frames
that come out of it are as if nothing had happened, or a `Reset` and all of a new generation.
The reader grants credit in bytes, so at most `WINDOW` bytes wait here.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Self

import msgspec

from vareon_runtime import codec, envelope
from vareon_runtime.envelope import NO_SPAN, Kind, Request, pack_request
from vareon_runtime.errors import Unavailable
from vareon_runtime.identity import EntityId, Principal
from vareon_runtime.message import Delta, Event, Position, Reset
from vareon_runtime.placement import shard_of

if TYPE_CHECKING:
    from vareon_runtime.routing.client import LinkBus

WINDOW = 256 * 1024
POSITIONS_LIMIT = 32
"""Streams a reader may resume at once."""
CREDIT = struct.Struct("<Q")
RETRY_FIRST_S = 0.02
RETRY_LONGEST_S = 0.5


class Subscribe(msgspec.Struct, frozen=True):
    """Body of a subscription request."""

    credit: int
    positions: tuple[Position, ...] = ()


class LinkSubscription:
    """An async iterator of frames; see `vareon_runtime.routing.bus.Subscription`."""

    def __init__(
        self,
        bus: LinkBus,
        target: EntityId,
        principal: Principal | None,
        position: Position | None,
        trace_id: bytes | None = None,
        span_id: bytes = NO_SPAN,
    ) -> None:
        self._bus = bus
        self._target = target
        self._principal = principal
        self._trace_id = trace_id
        self._span_id = span_id
        self._open: dict[str, Position] = {position.stream: position} if position else {}
        """Streams that have not ended as far as this reader knows, oldest first."""
        self._ended: Position | None = None
        self._correlation = 0
        self._arrived: deque[tuple[int, bytes]] = deque()
        self._wake: asyncio.Future[None] | None = None
        self._wait_s = RETRY_FIRST_S
        self._owed = 0

    async def __aenter__(self) -> Self:
        self._begin()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._bus.close_stream(self._correlation)

    def __aiter__(self) -> AsyncIterator[Delta | Reset | Event]:
        return self

    async def __anext__(self) -> Delta | Reset | Event:
        while True:
            if not self._arrived:
                self._wake = asyncio.get_running_loop().create_future()
                await self._wake
            kind, payload = self._arrived.popleft()
            if kind == Kind.FRAME:
                frame = codec.decode_frame(payload)
                self._give_back(len(payload))
                if frame is None:
                    continue
                self._wait_s = RETRY_FIRST_S
                self._moved(frame)
                return frame
            if kind == Kind.REPLY:
                raise StopAsyncIteration
            error = codec.decode_error(payload)
            if not isinstance(error, Unavailable):
                raise error
            await self._again()

    def received(self, kind: int, payload: bytes) -> None:
        """Called by the bus with each frame, and with the end."""
        self._arrived.append((kind, payload))
        if self._wake is not None:
            if not self._wake.done():
                self._wake.set_result(None)
            self._wake = None

    def _begin(self) -> None:
        self._correlation = self._bus.open_stream(self)
        self._owed = 0
        message_id = self._bus.ids.message_id()
        body = msgspec.msgpack.encode(Subscribe(WINDOW, self._reached()))
        payload = pack_request(
            Request(
                self._target,
                "Subscribe",
                message_id,
                self._principal,
                0.0,
                self._trace_id or message_id,
                self._span_id,
                body,
            )
        )
        sent = self._bus.send_item(
            Kind.REQUEST, envelope.STREAM, shard_of(self._target), self._correlation, payload
        )
        if not sent:
            self.received(Kind.ERROR, codec.encode_error(Unavailable("There is no link yet.")))

    async def _again(self) -> None:
        self._bus.close_stream(self._correlation)
        await self._bus.clock.sleep(self._wait_s)
        self._wait_s = min(RETRY_LONGEST_S, self._wait_s * 2)
        self._begin()

    def _reached(self) -> tuple[Position, ...]:
        if self._open:
            return tuple(self._open.values())[:POSITIONS_LIMIT]
        return (self._ended,) if self._ended is not None else ()

    def _moved(self, frame: Delta | Reset | Event) -> None:
        if isinstance(frame, Delta):
            self._open[frame.stream] = Position(frame.stream, frame.generation, frame.offset)
        elif isinstance(frame, Reset):
            self._open[frame.stream] = Position(frame.stream, frame.generation, 0)
        elif (reached := frame.reaches()) is not None:
            self._open[reached.stream] = reached
        elif (begun := frame.opens()) is not None:
            self._open.setdefault(begun, Position(begun, 0, 0))
        elif (over := frame.ends()) is not None:
            self._ended = self._open.pop(over, None) or Position(over, 0, 0)

    def _give_back(self, size: int) -> None:
        self._owed += size
        if self._owed >= WINDOW // 4:
            credit = CREDIT.pack(self._owed)
            self._bus.send_item(Kind.CREDIT, 0, 0, self._correlation, credit)
            self._owed = 0
