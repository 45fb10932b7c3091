"""The driver as a child process, spoken to by pipes."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vareon_runtime.cluster import wire


class DriverProcess:
    """One driver from its settings to its end.

    Args:
        process: What `spawning.spawn` returned.
        on_event: Told of everything the driver reports.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], on_event: Callable[[dict[str, Any]], None]
    ) -> None:
        self._process = process
        self._on_event = on_event
        self._reading: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The driver's process id."""
        return self._process.pid

    def begin(self, settings: dict[str, Any], log_dir: Path, ray_dir: Path) -> None:
        """Send the settings, which is what it waits for, and listen."""
        self._reading = asyncio.get_running_loop().create_task(self._read())
        self._send({"settings": settings, "log_dir": str(log_dir), "ray_dir": str(ray_dir)})

    def create_host(self) -> None:
        """The schema is ready."""
        self._send({"do": "host"})

    def stop(self) -> None:
        """Ask for an orderly end."""
        self._send({"do": "stop"})

    def close(self) -> None:
        """Let go of a driver that has ended."""
        if self._reading is not None:
            self._reading.cancel()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue
        self._process.poll()

    def _send(self, message: dict[str, Any]) -> None:
        pipe = self._process.stdin
        if pipe is not None and not pipe.closed:
            try:
                pipe.write(wire.line(message))
                pipe.flush()
            except OSError:
                return  # it has ended, which its watcher reports

    async def _read(self) -> None:
        reader = asyncio.StreamReader(limit=wire.MAX_LINE_BYTES)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), self._process.stdout
        )
        try:
            while text := await reader.readline():
                self._on_event(json.loads(text))
        finally:
            transport.close()
