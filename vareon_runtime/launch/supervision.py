"""From a prepared start to its end: what is heard, what is printed, what is started anew."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from typing import Any

from vareon_runtime import telemetry
from vareon_runtime.cluster import log_lines
from vareon_runtime.errors import ConfigurationError
from vareon_runtime.launch import first_sign_in, folders, processes, running, schema, secrets, tls
from vareon_runtime.launch.control import ControlSocket
from vareon_runtime.launch.freezes import FreezeWatch
from vareon_runtime.launch.preparation import Prepared, record_of
from vareon_runtime.launch.ray_side import RaySide
from vareon_runtime.launch.starting_page import StartingPage
from vareon_runtime.launch.terminal import Terminal

_LONGEST_PAUSE_S = 30.0
_MODELS_PATIENCE_S = 10.0
EXIT_CLEAN, EXIT_WRONG = 0, 2


class Supervision:
    """The parent's life.

    Args:
        prepared: Settings, lock and port.
        began: Monotonic time at which the command was given.
    """

    def __init__(self, prepared: Prepared, began: float) -> None:
        self._prepared = prepared
        self._settings = prepared.settings
        self._terminal = Terminal(began)
        self._page = StartingPage(prepared.listening, tls.server_context(prepared.settings))
        self._control = ControlSocket(
            self._settings.control_socket, prepared.listening, self._front_door_said
        )
        self._ray = RaySide(self._settings, self._driver_said, self._ray_side_lost)
        self._freezes = FreezeWatch(
            self._settings.run_dir, self._settings.instance, killed=self._stood_still
        )
        self._watching: asyncio.Task[None] | None = None
        self._stop_asked = asyncio.Event()
        self._kill_asked = asyncio.Event()
        self._mistake = ""
        self._welcomed = False
        self._lost_at: float | None = None
        self._failures = 0
        self._complaints: set[str] = set()
        self._migration: asyncio.Task[None] | None = None
        self._restart: asyncio.Task[None] | None = None
        self._farewell: asyncio.TimerHandle | None = None

    async def run(self, driver: subprocess.Popen[bytes]) -> int:
        """Everything from the first answer on the port to the last process gone.

        Args:
            driver: Spawned early; it waits for its settings.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._asked_to_stop)
        processes.adopt_orphans()
        await self._page.open()
        log_lines.write_to(folders.log_dir(self._settings) / "vareon.log")
        telemetry.event("parent.started", instance=self._settings.instance)
        self._terminal.step(f"answering {self._prepared.url} (starting)")
        try:
            if self._prepared.previous_instance:
                await processes.end_all(self._prepared.previous_instance)
            running.write(self._settings, record_of(self._prepared, os.getpid()))
            self._control.open()
            self._migration = loop.create_task(self._migrate())
            self._ray.begin(driver)
            self._watching = loop.create_task(self._freezes.run())
            await self._stop_asked.wait()
        finally:
            await self._end()
        return EXIT_WRONG if self._mistake else EXIT_CLEAN

    async def _end(self) -> None:
        for task in (self._restart, self._migration, self._watching):
            if task is not None:
                task.cancel()
        if self._farewell is not None:
            self._farewell.cancel()
        self._page.close()
        await self._stop_ray()
        self._control.close()
        running.remove(self._settings)
        telemetry.event("parent.stopped")
        if not self._mistake:
            self._terminal.line("  stopped")

    async def _stop_ray(self) -> None:
        if self._mistake:
            await self._ray.kill()
            return
        stopping = asyncio.ensure_future(self._ray.stop())
        at_once = asyncio.ensure_future(self._kill_asked.wait())
        await asyncio.wait({stopping, at_once}, return_when=asyncio.FIRST_COMPLETED)
        at_once.cancel()
        if not stopping.done():
            stopping.cancel()
            await self._ray.kill()

    def _asked_to_stop(self) -> None:
        if self._stop_asked.is_set():
            self._kill_asked.set()
            return
        self._terminal.line("\n  stopping; once more to end at once")
        self._stop_asked.set()

    async def _migrate(self) -> None:
        try:
            await schema.migrate(self._settings.database_url, self._settings.entities)
        except ConfigurationError as error:
            self._give_up(error.detail)
            return
        self._terminal.step("database ready")
        self._ray.schema_ready()

    def _give_up(self, mistake: str) -> None:
        """A start that cannot succeed: one line, and the end."""
        telemetry.failure("parent.refused", detail=mistake)
        self._mistake = mistake
        self._terminal.wrong(mistake)
        self._stop_asked.set()

    def _driver_said(self, event: dict[str, Any]) -> None:
        kind = event.get("event")
        telemetry.event(f"driver.{kind}", told=event)
        if kind == "ray":
            self._terminal.step("Ray is running")
        elif kind == "actors":
            self._terminal.step("front door, router and host are starting")
        elif event.get("mistake") and not self._welcomed:
            self._give_up(str(event["detail"]))
        elif kind in ("failing", "failed"):
            self._complain(f"{event.get('name', 'Ray')} does not start: {event.get('detail')}")

    def _complain(self, text: str) -> None:
        """Say it once, however often it happens."""
        if text not in self._complaints and len(self._complaints) < 100:
            self._complaints.add(text)
            logs = folders.log_dir(self._settings)
            self._terminal.step(f"{text}; trying again (logs in {logs})")

    def _stood_still(self, name: str, pid: int) -> None:
        self._terminal.step(f"{name} stood still and was ended; it is starting anew")

    async def _front_door_said(self, event: dict[str, Any]) -> None:
        kind = event.get("event")
        if kind == "letter":
            self._terminal.letter(event)
            return
        telemetry.event(f"front_door.{kind}", front_door=event.get("pid"))
        if kind == "take":
            self._page.close()
        elif kind == "ready":
            await self._is_ready(admin_created=bool(event.get("admin_created")))
        elif kind == "models" and self._farewell is not None:
            self._terminal.models(list(event.get("found") or []))
            self._say_farewell()

    async def _is_ready(self, *, admin_created: bool) -> None:
        self._failures = 0
        if self._lost_at is not None:
            took = time.monotonic() - self._lost_at
            self._lost_at = None
            self._terminal.step(f"back after {took:.1f} s")
        if self._welcomed:
            return
        self._welcomed = True
        self._terminal.step("ready")
        dashboard = record_of(self._prepared, os.getpid()).dashboard_url
        self._terminal.ready(self._prepared.url, dashboard, self._settings)
        await self._show_first_password(admin_created=admin_created)
        self._farewell = asyncio.get_running_loop().call_later(
            _MODELS_PATIENCE_S, self._say_farewell
        )

    async def _show_first_password(self, *, admin_created: bool) -> None:
        password = secrets.first_password(self._settings)
        if password and password != self._prepared.admin_password:
            if admin_created or await self._accepts(password):
                self._terminal.first_password(password)
            else:
                self._terminal.admin_exists()
        secrets.forget_first_password(self._settings)

    async def _accepts(self, password: str) -> bool:
        trusted = tls.client_context(self._settings)
        return await first_sign_in.accepts(self._prepared.url, password, trusted)

    def _say_farewell(self) -> None:
        if self._farewell is not None:
            self._farewell.cancel()
            self._farewell = None
            self._terminal.next_command(self._prepared.arguments)

    def _ray_side_lost(self, name: str) -> None:
        if not self._stop_asked.is_set() and (self._restart is None or self._restart.done()):
            self._restart = asyncio.get_running_loop().create_task(self._begin_anew(name))

    async def _begin_anew(self, name: str) -> None:
        telemetry.failure("ray_side.lost", ended=name, failures=self._failures)
        if self._lost_at is None:
            self._lost_at = time.monotonic()
        pause = min(2.0**self._failures - 1, _LONGEST_PAUSE_S)
        self._failures += 1
        self._terminal.step(f"Ray side lost ({name} ended); starting it anew")
        await self._page.open()
        if self._migration is not None:
            await asyncio.wait({self._migration})
        while not await self._ray.kill():
            self._terminal.step("some of its processes will not end; waiting for them")
        await asyncio.sleep(pause)
        self._ray.begin()
