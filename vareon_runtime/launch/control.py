"""The control socket: the front door asks for the listening socket and reports how it is."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from vareon_runtime import telemetry

_MAX_LINE_BYTES = 64 * 1024

OnEvent = Callable[[dict[str, Any]], Awaitable[None]]


class ControlSocket:
    """Listens for front doors; one at a time is expected, a restarted one replaces the last.

    A host comes by too, for as long as it takes to have a letter shown.

    Args:
        path: Where to listen.
        listening: The socket to hand over.
        on_event: Told of every event, in order; ``{"event": "gone"}`` when a front door ends.
    """

    def __init__(self, path: Path, listening: socket.socket, on_event: OnEvent) -> None:
        self._path = path
        self._listening = listening
        self._on_event = on_event
        self._server: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Begin to listen."""
        self._path.unlink(missing_ok=True)
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.setblocking(False)
        server.bind(str(self._path))
        self._path.chmod(0o600)
        server.listen(8)
        self._server = server
        self._spawn(self._accept(server))

    def close(self) -> None:
        """Hang up, which the front door takes as the end of its parent."""
        for task in self._tasks:
            task.cancel()
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, server: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(server)
            connection.setblocking(False)
            self._spawn(self._serve(connection))

    async def _serve(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        waiting, is_front_door = b"", True
        with connection, contextlib.suppress(OSError, ValueError):
            while received := await loop.sock_recv(connection, 4096):
                waiting += received
                *lines, waiting = waiting.split(b"\n")
                for text in lines:
                    told = _event(text)
                    is_front_door &= told.get("event") != "letter"
                    await self._handle(connection, told)
                if len(waiting) > _MAX_LINE_BYTES:
                    break
        if is_front_door:
            await self._tell({"event": "gone"})

    async def _tell(self, event: dict[str, Any]) -> None:
        """Pass it on; a listener's mistake must not hang up on a front door that works."""
        try:
            await self._on_event(event)
        except Exception as error:  # noqa: BLE001 - whatever it is, the connection is not at fault
            telemetry.failure("control.listener_failed", error)

    async def _handle(self, connection: socket.socket, event: dict[str, Any]) -> None:
        await self._tell(event)
        if event.get("event") == "take":
            socket.send_fds(connection, [b"{}\n"], [self._listening.fileno()])


def _event(text: bytes) -> dict[str, Any]:
    event = json.loads(text)
    if not isinstance(event, dict):
        raise ValueError("an event is an object")
    return event
