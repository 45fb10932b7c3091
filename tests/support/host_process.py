"""A host in a process of its own, without Ray: started again whenever it ends.

In a test::

    async with HostProcess(tmp_path, deadly=["tests.support.deadly_entity"]) as system:
        await system.bus.ask(...)
"""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from actors.registry import build_registry
from tests.support.deadly_entity import DEADLY_FILE
from vareon_runtime import telemetry
from vareon_runtime.clock import SystemClock
from vareon_runtime.config import Settings
from vareon_runtime.hosting.bootstrap import build
from vareon_runtime.identity import seeded_ids
from vareon_runtime.migrations.run import migrate
from vareon_runtime.routing.bootstrap import RouterService, build_router
from vareon_runtime.routing.client import LinkBus

NAME = "entity-host-0@test"


def settings_of(data_dir: Path) -> Settings:
    """Where it keeps everything; an instance is named, as in a real start."""
    return Settings(
        data_dir=data_dir,
        database_url=f"sqlite:///{data_dir / 'vareon.db'}",
        instance="test",
        entities=("tests.support.deadly_entity",),
    )


@dataclass
class HostProcess:
    """A router and a bus here, a host beside.

    Attributes:
        exits: How each life of the host ended.
    """

    data_dir: Path
    exits: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.settings = settings_of(self.data_dir)
        self.deadly_file = self.data_dir / "deadly"
        self.log_file = self.data_dir / "host.log"
        clock = SystemClock()
        self.bus = LinkBus(self.settings, "test", "front_door", clock=clock, ids=seeded_ids(clock))
        self._router: RouterService | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self.settings.run_dir.mkdir(parents=True)
        self.deadly_file.touch()
        await asyncio.to_thread(migrate, self.settings.database_url)
        self._router = await build_router(self.settings, "router")
        await self._router.start()
        await self.bus.start()
        self._keeping = asyncio.create_task(self._keep())
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        await self.bus.stop()
        if self._router is not None:
            await self._router.stop()

    async def _keep(self) -> None:
        with self.log_file.open("wb") as log:
            while True:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "tests.support.host_process",
                    str(self.data_dir),
                    env={**os.environ, DEADLY_FILE: str(self.deadly_file)},
                    stderr=log,
                )
                self.exits.append(await self._process.wait())


async def _serve(data_dir: Path) -> None:
    telemetry.configure_logging()
    settings = settings_of(data_dir)
    host = await build(settings, NAME, build_registry(settings.entities), {})
    await host.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
