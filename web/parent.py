"""The line to the small parent process: it owns the port and lends its listening socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from vareon_runtime.errors import Unavailable

CONNECT_TIME_S = 10.0
HANDOVER_TIME_S = 30.0
_RETRY_S = 0.05
_MOST_READ = 4096


class ParentLine:
    """Speaks JSON lines over the parent's control socket.

    Args:
        path: The unix socket that the parent listens on.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket: socket.socket | None = None
        self._lent: asyncio.Future[socket.socket] | None = None
        self._on_lost: Callable[[], None] = lambda: None

    async def take_port(self, on_lost: Callable[[], None]) -> socket.socket:
        """Say hello and receive the listening socket.

        Args:
            on_lost: Called once when the parent is gone.

        Raises:
            Unavailable: If there is no parent, or it lends nothing.
        """
        loop = asyncio.get_running_loop()
        self._on_lost = on_lost
        self._lent = loop.create_future()
        self._socket = await self._connected(loop)
        loop.add_reader(self._socket.fileno(), self._readable)
        await self.say(event="hello", pid=os.getpid())
        await self.say(event="take")
        try:
            async with asyncio.timeout(HANDOVER_TIME_S):
                return await self._lent
        except TimeoutError:
            raise Unavailable("The parent process did not lend its port.") from None

    async def say(self, **line: Any) -> None:
        """Send one line; a parent that is gone is noticed by its end of file, not here."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                loop = asyncio.get_running_loop()
                await loop.sock_sendall(self._socket, orjson.dumps(line) + b"\n")

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    async def _connected(self, loop: asyncio.AbstractEventLoop) -> socket.socket:
        deadline = loop.time() + CONNECT_TIME_S
        while True:
            line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            line.setblocking(False)
            try:
                await loop.sock_connect(line, str(self._path))
            except OSError as error:
                line.close()
                if loop.time() > deadline:
                    raise Unavailable("There is no parent process to lend a port.") from error
                await asyncio.sleep(_RETRY_S)
            else:
                return line

    def _readable(self) -> None:
        if self._socket is None:
            return
        try:
            data, received, _flags, _address = socket.recv_fds(self._socket, _MOST_READ, 1)
        except BlockingIOError:
            return
        except OSError:
            data, received = b"", []
        for descriptor in received:
            self._lend(descriptor)
        if not data:
            self.close()
            if self._lent is not None and not self._lent.done():
                self._lent.set_exception(Unavailable("The parent process is gone."))
            self._on_lost()

    def _lend(self, descriptor: int) -> None:
        if self._lent is None or self._lent.done():
            os.close(descriptor)
            return
        lent = socket.socket(fileno=descriptor)
        lent.setblocking(False)
        self._lent.set_result(lent)
