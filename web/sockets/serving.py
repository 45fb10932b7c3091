"""What every socket has in common: its place, its upgrade, how it reads, and how it ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from aiohttp import WSMsgType
from aiohttp import web as aiohttp_web

from vareon_runtime.errors import NotFound, NotPermitted, Overloaded, VareonError
from vareon_runtime.telemetry import failure
from web.caller import caller_of
from web.credentials import SOCKET_PROTOCOL
from web.refusals import NoHandshake
from web.sockets.open_sockets import OpenSocket, OpenSockets
from web.sockets.outgoing import TRY_AGAIN_LATER, Outgoing

HEARTBEAT_S = 30.0
LARGEST_FRAME = 1024 * 1024
WRITE_AHEAD = 64 * 1024
"""Bytes written before the writer looks whether the connection takes them; a connection that does
not holds at most as much again, and one frame."""
MOST_STRIKES = 20

UNSUPPORTED = 1003
POLICY_VIOLATION = 1008
INTERNAL_ERROR = 1011
SIGNED_OUT = 4401
FORBIDDEN = 4403
NOT_THERE = 4404


class Line(OpenSocket, Protocol):
    """One client on one socket."""

    async def talk(self, socket: aiohttp_web.WebSocketResponse) -> None:
        """Read and write until one side leaves."""
        ...

    async def leave(self) -> None:
        """Listen no more."""
        ...


async def serve(
    request: aiohttp_web.Request, sockets: OpenSockets, line_of: Callable[[Outgoing], Line]
) -> aiohttp_web.StreamResponse:
    """Upgrade, and stay until one side leaves.

    Args:
        request: The handshake.
        sockets: All that are open here.
        line_of: Makes the line from where it writes to.

    Raises:
        QuotaExceeded: If this user has too many sockets open.
        Overloaded: If there are too many in all.
        NoHandshake: If it is none.
    """
    user_id = caller_of(request).user_id
    sockets.admit(user_id)
    try:
        socket = aiohttp_web.WebSocketResponse(
            heartbeat=HEARTBEAT_S,
            timeout=3.0,
            max_msg_size=LARGEST_FRAME,
            writer_limit=WRITE_AHEAD,
            compress=False,
            protocols=(SOCKET_PROTOCOL,),
        )
        if not socket.can_prepare(request).ok:
            raise NoHandshake("A WebSocket handshake is expected here.")
        await socket.prepare(request)
        abort = request.transport.abort if request.transport else lambda: None
        await _stay(line_of(Outgoing(socket, abort)), socket, sockets)
        return socket
    finally:
        sockets.release(user_id)


async def _stay(line: Line, socket: aiohttp_web.WebSocketResponse, sockets: OpenSockets) -> None:
    # Known to its neighbours before it looks anything up: a conversation that one of them begins
    # meanwhile is either found or told.
    sockets.add(line)
    try:
        await line.talk(socket)
    except Exception as error:  # noqa: BLE001  # after the upgrade no HTTP answer may follow
        failure("socket_broke", error, conversation_id=line.conversation_id)
        await socket.close(code=INTERNAL_ERROR, message=b"Reconnect and resume.")
    finally:
        sockets.remove(line)
        await line.leave()


async def texts(
    socket: aiohttp_web.WebSocketResponse, end: Callable[[int, str], None]
) -> AsyncIterator[str]:
    """What the client says; a binary frame ends the socket."""
    async for message in socket:
        if message.type is WSMsgType.BINARY:
            end(UNSUPPORTED, "Text frames only.")
        elif message.type is WSMsgType.TEXT:
            yield message.data


@contextmanager
def ending(line: OpenSocket, tell: Callable[[VareonError], None], there: str) -> Iterator[None]:
    """End a socket with the code that says why what it shows has ended.

    Args:
        line: The socket.
        tell: Tells the client of an error that has no code of its own.
        there: What it shows.
    """
    try:
        yield
    except NotFound:
        line.end(NOT_THERE, f"{there} not found")
    except NotPermitted:
        line.end(FORBIDDEN, "Not enough permissions")
    except Overloaded:
        line.end(TRY_AGAIN_LATER, "Too slow; reconnect and resume.")
    except VareonError as error:
        tell(error)
        line.end(INTERNAL_ERROR, "The stream broke; reconnect and resume.")
    except Exception as error:  # noqa: BLE001  # a broken stream must not leave a silent socket
        failure("stream_broke", error, conversation_id=line.conversation_id)
        line.end(INTERNAL_ERROR, "The stream broke; reconnect and resume.")
