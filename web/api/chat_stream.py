"""An answer as server-sent events, in the same words as over the socket."""

from __future__ import annotations

import asyncio
import contextlib
import re

from aiohttp import web as aiohttp_web

from actors.arcana.messages import TurnDone, TurnFailed, TurnView
from vareon_runtime.entity import Delta, Position, Reset
from vareon_runtime.errors import VareonError
from vareon_runtime.identity import Principal
from web.api.answers import encoded, whole_or_cut
from web.client_address import is_secure
from web.headers import secure
from web.schemas.chat import (
    AcceptedFrame,
    DeltaFrame,
    DoneFrame,
    ErrorFrame,
    ResetFrame,
    ServerFrame,
)
from web.services.chat import Chat

HEARTBEAT_S = 15.0
WRITE_TIME_S = 10.0
STREAM_TIME_S = 600.0
_LAST_EVENT = re.compile(r"([^:]{1,64}):(\d{1,9}):(\d{1,9})")


def wants_stream(request: aiohttp_web.Request) -> bool:
    """Whether the caller asked for events rather than one answer."""
    return "text/event-stream" in request.headers.get("Accept", "")


async def stream_answer(
    request: aiohttp_web.Request,
    chat: Chat,
    principal: Principal,
    conversation_id: str,
    turn: TurnView,
) -> aiohttp_web.StreamResponse:
    """Show a turn from its acceptance to its end, or from where the caller left it.

    The turn goes on when the caller goes away.
    """
    response = aiohttp_web.StreamResponse()
    response.content_type = "text/event-stream"
    secure(response.headers, by_tls=is_secure(request))
    events = EventStream(response, turn, _position(request, turn))
    await response.prepare(request)
    # Whoever does not read, or is gone, is cut off; a polite end would wait for them too.
    with contextlib.suppress(ConnectionError, TimeoutError), whole_or_cut(request):
        await events.send(
            AcceptedFrame(turn.client_id, turn.turn_id, turn.message_id, conversation_id)
        )
        heartbeat = asyncio.get_running_loop().create_task(events.keep_alive())
        try:
            await events.run(chat, principal, conversation_id)
        finally:
            heartbeat.cancel()
            await asyncio.gather(heartbeat, return_exceptions=True)
        await response.write_eof()
    return response


class EventStream:
    """Writes one turn's events."""

    def __init__(
        self, response: aiohttp_web.StreamResponse, turn: TurnView, start: Position
    ) -> None:
        self._response = response
        self._turn = turn.turn_id
        self._at = start

    async def run(self, chat: Chat, principal: Principal, conversation_id: str) -> None:
        """Write until the turn is over."""
        try:
            async with asyncio.timeout(STREAM_TIME_S):
                async with chat.listen(principal, conversation_id, self._at) as frames:
                    async for frame in frames:
                        told = self._told(frame)
                        if told is not None:
                            await self.send(told)
                        if isinstance(told, DoneFrame | ErrorFrame):
                            return
        except VareonError as error:
            await self.send(error_frame(error, self._turn))

    async def send(self, frame: ServerFrame) -> None:
        """Write one event.

        Raises:
            TimeoutError: If the reader does not read.
        """
        kind = frame.__struct_config__.tag
        at = self._at
        await self._write(
            b"id: %s:%d:%d\nevent: %s\ndata: %s\n\n"
            % (
                at.stream.encode(),
                at.generation,
                at.offset,
                str(kind).encode(),
                encoded(frame),
            )
        )

    async def keep_alive(self) -> None:
        """Write a comment now and then, so that nobody in between hangs up."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            await self._write(b": still here\n\n")

    async def _write(self, event: bytes) -> None:
        async with asyncio.timeout(WRITE_TIME_S):
            await self._response.write(event)

    def _told(self, frame: object) -> ServerFrame | None:
        turn = self._turn
        match frame:
            case Delta(stream=stream) if stream == turn:
                self._at = Position(stream=turn, generation=frame.generation, offset=frame.offset)
                return DeltaFrame(turn, frame.generation, frame.offset, frame.text)
            case Reset(stream=stream) if stream == turn:
                self._at = Position(stream=turn, generation=frame.generation, offset=0)
                return ResetFrame(turn, frame.generation)
            case TurnDone(turn_id=ended) if ended == turn:
                return DoneFrame(turn, frame.generation, frame.message, frame.usage, frame.route)
            case TurnFailed(turn_id=ended) if ended == turn:
                return ErrorFrame(
                    frame.code,
                    frame.detail,
                    frame.retryable,
                    turn=turn,
                    retry_after_s=frame.retry_after_s,
                )
        return None


def error_frame(
    error: VareonError, turn: str | None = None, client_id: str | None = None
) -> ErrorFrame:
    """An error as a frame."""
    return ErrorFrame(
        error.code,
        error.detail,
        error.retryable,
        turn=turn,
        id=client_id,
        retry_after_s=error.retry_after_s,
    )


def _position(request: aiohttp_web.Request, turn: TurnView) -> Position:
    seen = _LAST_EVENT.fullmatch(request.headers.get("Last-Event-ID", ""))
    if seen is None or seen[1] != turn.turn_id:
        return Position(stream=turn.turn_id, generation=0, offset=0)
    return Position(stream=turn.turn_id, generation=int(seen[2]), offset=int(seen[3]))
