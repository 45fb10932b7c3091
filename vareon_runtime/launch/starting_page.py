"""Answers the port while nobody else can: /livez is 200, everything else 503 "starting".

A few lines of HTTP on asyncio instead of a web framework: the parent lives as long as the
system does, should weigh little, and must answer within its first second.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from typing import cast

_MAX_HEAD_BYTES = 16 * 1024
_MAX_CONNECTIONS = 256
_PATIENCE_S = 5.0
_RETRY_AFTER_S = 1
_DETAIL = "Vareon is starting; try again in a moment."


def answer(head: bytes) -> bytes:
    """The whole response to a request whose head is given."""
    method, _, rest = head.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    if path.rstrip(b"/") == b"/livez":
        status, kind, body = "200 OK", "application/json", json.dumps({"status": "alive"})
        extra = ""
    else:
        status, kind = "503 Service Unavailable", "application/problem+json"
        problem = {
            "type": "about:blank",
            "title": "Service Unavailable",
            "status": 503,
            "detail": _DETAIL,
            "code": "starting",
        }
        body, extra = json.dumps(problem), f"Retry-After: {_RETRY_AFTER_S}\r\n"
    lines = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        f"Cache-Control: no-store\r\n{extra}Connection: close\r\n\r\n"
    )
    return (lines + ("" if method == b"HEAD" else body)).encode()


class _Exchange(asyncio.Protocol):
    """One connection: one request is read, one answer is written, and it ends."""

    def __init__(self, open_exchanges: set[_Exchange]) -> None:
        self._open = open_exchanges
        self._head = b""
        self._answered = False
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if len(self._open) >= _MAX_CONNECTIONS:
            self._transport.abort()
            return
        self._open.add(self)
        self._timer = asyncio.get_running_loop().call_later(_PATIENCE_S, self._transport.abort)

    def data_received(self, data: bytes) -> None:
        if self._answered or self._transport is None:
            return  # the rest of a body, read only so that the answer is not reset
        self._head += data[:_MAX_HEAD_BYTES]
        if b"\r\n\r\n" in self._head or len(self._head) >= _MAX_HEAD_BYTES:
            self._answered = True
            self._transport.write(answer(self._head))
            if self._transport.can_write_eof():
                self._transport.write_eof()
            else:
                self._transport.close()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._open.discard(self)
        if self._timer is not None:
            self._timer.cancel()


class StartingPage:
    """Accepts on a listening socket that stays open when this stops.

    Args:
        listening: The socket.
        tls: What to serve HTTPS with.
    """

    def __init__(self, listening: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        self._listening = listening
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._open: set[_Exchange] = set()

    async def open(self) -> None:
        """Begin to answer; does nothing when it already does."""
        if self._server is None:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: _Exchange(self._open), sock=self._listening.dup(), ssl=self._tls
            )

    def close(self) -> None:
        """Accept no more; requests that were accepted are still answered."""
        if self._server is not None:
            self._server.close()
            self._server = None
