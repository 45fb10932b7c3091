"""A Ray of our own on this machine, and the actors in it."""

from __future__ import annotations

import os
import queue
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray

from vareon_runtime.cluster import object_store, yielding
from vareon_runtime.cluster.options import (
    FRONT_DOOR,
    HOST,
    NAMESPACE,
    ROUTER,
    Role,
    actor_options,
)
from vareon_runtime.cluster.ray_service import Outcome
from vareon_runtime.config import Settings

if TYPE_CHECKING:
    from vareon_runtime.cluster.driver import Parent

_WORKERS_STARTED_AHEAD = 3
_ASK_AGAIN_S = 0.5
_VITAL = ("gcs_server", "raylet")
_STOP_PATIENCE_S = {FRONT_DOOR: 2.5, HOST: 2.5, ROUTER: 1.0}


class LocalCluster:
    """Starts Ray, creates the actors, waits for orders, ends both.

    Args:
        settings: What the operator decided.
        log_dir: Where each process logs.
        ray_dir: A short path for Ray's sessions.
        parent: Who gives the orders and hears the reports.
    """

    def __init__(self, settings: Settings, log_dir: Path, ray_dir: Path, parent: Parent) -> None:
        self._settings = settings
        self._log_dir = log_dir
        self._ray_dir = ray_dir
        self._parent = parent
        self._actors: dict[Role, Any] = {}
        self._awaited: dict[Any, Role] = {}
        self._ask_again: dict[Role, float] = {}

    def run(self) -> None:
        """From nothing to nothing; returns once told to stop."""
        if not self._settings.entities:
            # Ray puts the working folder on its workers' import path: whatever lies in it must
            # not stand in for a library, unless the user named modules of their own
            os.chdir(self._settings.run_dir)
        self._start_ray()
        for role in (ROUTER, FRONT_DOOR):
            self._create(role)
        while (order := self._next_order()) != "stop":
            if order == "host":
                self._create(HOST)
                self._parent.report("actors")
            self._look_at_starts()
        self._stop()

    def _start_ray(self) -> None:
        os.environ["RAY_AUTH_TOKEN_PATH"] = str(self._settings.ray_token_file)
        with yielding.while_starting():
            self._init_ray()
        running = yielding.children()
        pids = {name: running[name].pid for name in _VITAL if name in running}
        self._parent.report("ray", pids=pids)

    def _init_ray(self) -> None:
        ray.init(
            address="local",
            namespace=NAMESPACE,
            include_dashboard=True,
            dashboard_host="127.0.0.1",
            dashboard_port=self._settings.ray_dashboard_port,
            num_cpus=max(_WORKERS_STARTED_AHEAD, os.cpu_count() or 1),
            log_to_driver=False,
            configure_logging=False,
            _temp_dir=str(self._ray_dir),
            **object_store.options(self._settings.run_dir),
        )

    def _create(self, role: Role) -> None:
        name = role.name(self._settings.node)
        made = ray.remote(role.kind).options(**actor_options(name))
        log_file = self._log_dir / f"{role.label}.log"
        self._actors[role] = made.remote(role.factory, self._settings, name, log_file)
        self._await_start(role)

    def _await_start(self, role: Role) -> None:
        self._awaited[self._actors[role].ready.remote()] = role

    def _next_order(self) -> str:
        waiting = bool(self._awaited or self._ask_again)
        try:
            return self._parent.orders.get(timeout=_ASK_AGAIN_S if waiting else None)
        except queue.Empty:
            return ""

    def _look_at_starts(self) -> None:
        """Report who has started, and who cannot and why; Ray goes on restarting those."""
        now = time.monotonic()
        for role in [role for role, due in self._ask_again.items() if due <= now]:
            del self._ask_again[role]
            self._await_start(role)
        if not self._awaited:
            return
        done, _ = ray.wait(list(self._awaited), num_returns=len(self._awaited), timeout=0)
        for reference in done:
            role = self._awaited.pop(reference)
            outcome = _outcome(reference)
            if not outcome.failure:
                self._parent.report("started", name=role.label, pid=outcome.pid)
                continue
            self._ask_again[role] = now + _ASK_AGAIN_S
            self._parent.report(
                "failing", name=role.label, detail=outcome.failure, mistake=outcome.mistake
            )

    def _stop(self) -> None:
        """No new requests, then no open turns, then no dispatch; the parent kills the rest."""
        for role in (FRONT_DOOR, HOST, ROUTER):
            if role in self._actors:
                stopping = self._actors[role].stop.remote()
                ray.wait([stopping], timeout=_STOP_PATIENCE_S[role])
        self._parent.report("stopped")


def _outcome(reference: Any) -> Outcome:
    try:
        outcome: Outcome = ray.get(reference)
    except ray.exceptions.RayError as error:
        return Outcome(0, type(error).__name__)
    return outcome
