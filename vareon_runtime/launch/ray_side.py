"""Everything that Ray runs for us, as the parent sees it: started, watched, ended, started anew.

A Ray driver cannot outlive its GCS, and workers outlive their raylet for a while. So whichever
of driver, GCS and raylet ends first ends all of it: every process that carries this start's mark
is killed, and only when the last one is gone does a new driver begin.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import Callable
from typing import Any

from vareon_runtime.cluster import wire
from vareon_runtime.config import Settings
from vareon_runtime.launch import folders, log_files, processes
from vareon_runtime.launch.driver_process import DriverProcess
from vareon_runtime.launch.spawning import spawn

_STOP_PATIENCE_S = 7.5

OnEvent = Callable[[dict[str, Any]], None]


class RaySide:
    """One driver after another.

    Args:
        settings: Handed to every driver.
        on_event: Told of what the driver reports.
        on_lost: Told which process ended, when it was not asked to.
    """

    def __init__(
        self, settings: Settings, on_event: OnEvent, on_lost: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._on_event = on_event
        self._on_lost = on_lost
        self._watch = processes.ExitWatch(on_lost)
        self._driver: DriverProcess | None = None
        self._stopped = asyncio.Event()
        self._schema_ready = False
        self._ray_runs = False

    def begin(self, process: subprocess.Popen[bytes] | None = None) -> None:
        """Start a driver, or go on with one that was spawned early."""
        log_files.prune_sessions(folders.ray_dir(self._settings))
        self._driver = DriverProcess(process or spawn(self._settings.instance), self._heard)
        self._watch.add("driver", self._driver.pid)
        self._driver.begin(
            wire.settings_to_wire(self._settings),
            folders.log_dir(self._settings),
            folders.ray_dir(self._settings),
        )
        if self._schema_ready:
            self._driver.create_host()

    def schema_ready(self) -> None:
        """Hosts may open the database from now on."""
        self._schema_ready = True
        if self._driver is not None:
            self._driver.create_host()

    async def stop(self) -> None:
        """An orderly end, for as long as it takes but no longer than our patience.

        Before Ray runs there is nothing of ours in it to be put in order.
        """
        self._watch.clear()
        if self._driver is not None and self._ray_runs:
            gone = processes.ExitWatch(lambda _name: self._stopped.set())
            gone.add("driver", self._driver.pid)
            self._driver.stop()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), _STOP_PATIENCE_S)
            gone.clear()
        await self.kill()

    async def kill(self) -> bool:
        """End every process at once; returns whether all of them are gone."""
        self._watch.clear()
        gone = await processes.end_all(self._settings.instance)
        if self._driver is not None:
            self._driver.close()
            self._driver = None
        self._ray_runs = False
        return gone

    def _heard(self, event: dict[str, Any]) -> None:
        kind = event.get("event")
        if kind == "ray":
            self._ray_runs = True
            for name, pid in event["pids"].items():
                self._watch.add(name, pid)
        elif kind == "stopped":
            self._stopped.set()
        self._on_event(event)
