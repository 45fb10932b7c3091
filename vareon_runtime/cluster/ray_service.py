"""The three kinds of process that Ray keeps running for us.

Each is a plain class around a service that knows nothing of Ray. Ray runs the constructor inside
the actor's event loop, at the first start and after every restart alike, so that is where the
service is built: nobody has to notice a restart and call anything.
"""

from __future__ import annotations

import asyncio
import gc
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vareon_runtime import telemetry
from vareon_runtime.cluster import log_lines
from vareon_runtime.cluster.death import die_with_parent
from vareon_runtime.config import Settings
from vareon_runtime.errors import ConfigurationError
from vareon_runtime.heartbeat import SILENT_S, STARTING_S, Heartbeat
from vareon_runtime.service import Service, ServiceFactory, load_factory

_PAUSE_AFTER_FAILURE_S = 1.0
_FAILURE_TEXT_LIMIT = 400


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a start ended.

    Attributes:
        pid: The process.
        failure: Why it could not; empty when it could.
        mistake: Whether a setting is to blame, so that trying again is of no use.
    """

    pid: int
    failure: str = ""
    mistake: bool = False


class RayService:
    """A service in an actor process of its own.

    Args:
        factory: ``module:function`` that builds the service.
        settings: What the operator decided.
        name: The actor's full name.
        log_file: Where this process logs, besides its standard error.
    """

    def __init__(self, factory: str, settings: Settings, name: str, log_file: Path) -> None:
        die_with_parent()
        telemetry.configure_logging()
        log_lines.write_to(log_file)
        self._settings = settings
        self._name = name
        self._service: Service | None = None
        self._heartbeat = Heartbeat(settings.run_dir, name, settings.instance)
        self._heartbeat.start()
        loop = asyncio.get_running_loop()
        self._outcome: asyncio.Future[Outcome] = loop.create_future()
        self._starting = loop.create_task(self._start(factory), name=f"start {name}")

    async def ready(self) -> Outcome:
        """Wait until the service has started, or could not."""
        return await asyncio.shield(self._outcome)

    async def status(self) -> dict[str, Any]:
        """The service's counters, with the process they are from."""
        own = self._service.status() if self._service is not None else {}
        return {"name": self._name, "pid": os.getpid(), "started": self._outcome.done(), **own}

    async def stop(self) -> None:
        """Finish what is under way, then end."""
        self._heartbeat.expect(STARTING_S)
        if self._service is not None:
            await self._service.stop()
        self._heartbeat.stop()
        telemetry.event("process.stopped", process=self._name)

    async def _start(self, factory: str) -> None:
        telemetry.event("process.starting", process=self._name)
        try:
            self._service = await _loaded(factory)(self._settings, self._name)
            await self._service.start()
        except Exception as error:  # noqa: BLE001 - Ray starts this process anew
            telemetry.failure("process.failed", error, process=self._name)
            mistake = isinstance(error, ConfigurationError)
            self._outcome.set_result(Outcome(os.getpid(), _one_line(error), mistake))
            await asyncio.sleep(_PAUSE_AFTER_FAILURE_S)
            os._exit(1)
        self._heartbeat.expect(SILENT_S)
        self._outcome.set_result(Outcome(os.getpid()))
        telemetry.event("process.started", process=self._name)


class FrontDoor(RayService):
    """HTTP and WebSockets."""


class CognisysRouter(RayService):
    """Dispatch between processes."""


class EntityHost(RayService):
    """Activations of entities, and all writing."""


def _loaded(factory: str) -> ServiceFactory:
    """Imports make many objects and no garbage: collecting meanwhile is a fifth of their time."""
    gc.disable()
    try:
        return load_factory(factory)
    finally:
        gc.enable()


def _one_line(error: BaseException) -> str:
    if isinstance(error, ConfigurationError):
        return error.detail
    return f"{type(error).__name__}: {error}".splitlines()[0][:_FAILURE_TEXT_LIMIT]
