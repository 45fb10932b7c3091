"""The real system, started as a user starts it, for as long as it is measured."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import aiohttp
import psutil

from vareon_runtime.config import Settings

PASSWORD = "measured-with-care"
READY_S = 90.0


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class RunningSystem:
    """``vareon up`` on a data dir of its own."""

    port: int = field(default_factory=free_port)
    folder: tempfile.TemporaryDirectory[str] = field(default_factory=tempfile.TemporaryDirectory)
    process: subprocess.Popen[bytes] | None = None
    token: str = ""
    ready_s: float = 0.0

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def data_dir(self) -> Path:
        """Where it keeps everything."""
        return Path(self.folder.name) / "data"

    @property
    def settings(self) -> Settings:
        """Enough of its settings to reach its router."""
        return Settings(data_dir=self.data_dir, database_url=f"sqlite:///{self.data_dir}/vareon.db")

    async def __aenter__(self) -> Self:
        environment = {
            **os.environ,
            "VAREON_ADMIN_PASSWORD": PASSWORD,
            "VAREON_ENTITIES": "benchmarks.entities",
            # One caller does what a thousand would; its requests are counted like theirs.
            "VAREON_REQUESTS_PER_MINUTE": "100000000",
            "VAREON_ANONYMOUS_REQUESTS_PER_MINUTE": "100000000",
            "PYTHONPATH": str(Path(__file__).parent.parent),
        }
        for name in ("OPENAI_API_KEY", "OPENROUTER_API_KEY"):
            environment.pop(name, None)
        began = time.perf_counter()
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "web.cli",
                "up",
                "--port",
                str(self.port),
                "--data-dir",
                str(self.data_dir),
                "--ray-dashboard-port",
                "0",
            ],
            env=environment,
            stdout=subprocess.PIPE,
        )
        try:
            await self._until_ready(began)
        except BaseException:
            await self.__aexit__()
            raise
        async with aiohttp.ClientSession() as session:
            form = {"username": "admin", "password": PASSWORD}
            async with session.post(f"{self.url}/api/token", data=form) as answer:
                self.token = (await answer.json())["access_token"]
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
        self.folder.cleanup()

    def pids(self) -> dict[str, int]:
        """Our processes by name: parent, driver and the three actors."""
        parent = psutil.Process(self.process.pid) if self.process else psutil.Process()
        found = {"parent": parent.pid}
        for child in parent.children(recursive=True):
            title = " ".join(child.cmdline())
            for name in ("FrontDoor", "CognisysRouter", "EntityHost"):
                if name in title:
                    found[name] = child.pid
            if "vareon_runtime.cluster.driver" in title:
                found["driver"] = child.pid
        return found

    def gcs_address(self) -> str:
        """Where Ray's control service listens."""
        for process in psutil.Process(self.pids()["parent"]).children(recursive=True):
            for part in process.cmdline():
                if part.startswith("--gcs-address="):
                    return part.partition("=")[2]
        raise RuntimeError("no raylet was found")

    async def _until_ready(self, began: float) -> None:
        """Wait for it to say so, and hold it to its word; asking all the time would slow it."""
        assert self.process is not None
        assert self.process.stdout is not None
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(READY_S), aiohttp.ClientSession() as session:
            line = b""
            while line.split()[-2:] != [b"s", b"ready"]:
                line = await loop.run_in_executor(None, self.process.stdout.readline)
                if not line:
                    raise RuntimeError("it ended before it was ready")
            async with session.get(f"{self.url}/readyz") as answer:
                answer.raise_for_status()
        self.ready_s = time.perf_counter() - began
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
