"""The driver as a child process: started before anything heavy is imported, spoken to by pipes."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vareon_runtime.cluster import wire

_KEPT_FROM_CHILDREN = frozenset(
    {"VAREON_ADMIN_PASSWORD", "VAREON_DATABASE_URL", "VAREON_TOKEN", "RAY_ADDRESS"}
)
_RAY_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_worker_niceness": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    # process titles must not overwrite the environment, where the mark of this start is read
    "SPT_NOENV": "1",
}


def spawn(instance: str) -> subprocess.Popen[bytes]:
    """Start a driver; it imports Ray while it waits for its settings.

    It has a session of its own, so that Ctrl-C in the terminal reaches the parent alone.
    """
    environment = {key: v for key, v in os.environ.items() if key not in _KEPT_FROM_CHILDREN}
    environment.update(_RAY_ENVIRONMENT)
    environment[wire.INSTANCE_MARK] = instance
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "vareon_runtime.cluster.driver"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )


class DriverProcess:
    """One driver from its settings to its end.

    Args:
        process: What `spawn` returned.
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
