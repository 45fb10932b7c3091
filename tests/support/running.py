"""The real system on real Ray: started as a user starts it, looked at from outside.

In a test::

    with RunningVareon(tmp_path / "data") as vareon:
        vareon.kill("EntityHost")
        vareon.wait_until_ready()
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil

from vareon_runtime.clock import SystemClock
from vareon_runtime.cluster.death import marked
from vareon_runtime.config import Settings
from vareon_runtime.launch import folders
from vareon_runtime.launch.settings import read_settings
from web.services.tokens import Tokens

VAREON = (sys.executable, "-m", "web.cli")
START_PATIENCE_S = 90.0
POLL_S = 0.05
ROLES = ("FrontDoor", "CognisysRouter", "EntityHost")


@dataclass
class RunningVareon:
    """One ``vareon up`` on a data dir of its own.

    Attributes:
        data_dir: Where it keeps everything; start a second one on it after the first has ended.
        flags: More for the command line.
        environment: More for its environment.
    """

    data_dir: Path
    flags: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    port: int = 0
    output: list[str] = field(default_factory=list)
    instance: str = ""

    def __post_init__(self) -> None:
        self.settings = read_settings({"data_dir": self.data_dir})[0]
        self.process: subprocess.Popen[str] | None = None
        self.base_url = ""
        self._printed = threading.Condition()
        self._reader: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self, *, wait: bool = True) -> None:
        """Start it; returns once it has said that it is ready, or at once."""
        self.output.clear()
        self.process = subprocess.Popen(
            [*VAREON, "up", *self._flags()],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "default", **self.environment},
        )
        self._reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self._reader.start()
        if wait:
            self.printed("Stop ")

    def stop(self) -> int:
        """Stop it as a service supervisor does; whatever is left afterwards is killed."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self, patience_s: float = 20.0) -> int:
        """Wait for its end; returns the exit code."""
        assert self.process is not None
        try:
            code = self.process.wait(patience_s)
        finally:
            self.process.kill()
            self.process.wait()
            if self._reader is not None:
                self._reader.join(5)
            for process in self.processes():
                process.kill()
            self.process = None
        return code

    def forget(self) -> None:
        """Remove what it keeps outside of its data dir."""
        forget(self.data_dir)

    def printed(self, text: str, patience_s: float = START_PATIENCE_S) -> str:
        """Wait until a line with this text has been printed; returns the line."""

        def found() -> str | None:
            return next((line for line in self.output if text in line), None)

        with self._printed:
            self._printed.wait_for(lambda: found() or self._has_ended(), patience_s)
        line = found()
        assert line is not None, f"{text!r} was not printed:\n" + "\n".join(self.output)
        self._learn()
        return line

    def processes(self) -> list[psutil.Process]:
        """Everything that it started, itself excepted."""
        return marked(self.instance) if self.instance else []

    def pid_of(self, role: str) -> int:
        """The process of one role: an actor class, ``raylet`` or ``gcs_server``.

        Raises:
            LookupError: If no process has the role now.
        """
        for process in self.processes():
            if _title(process).startswith((f"ray::{role}", role)):
                return process.pid
        raise LookupError(f"no process is {role}")

    def kill(self, role: str) -> int:
        """``kill -9``; returns the pid that it had."""
        pid = self.pid_of(role)
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill_everything(self) -> None:
        """``kill -9`` of all that there is, the parent included."""
        assert self.process is not None
        self.process.kill()
        for process in self.processes():
            process.kill()
        self.none_left(10)
        self.ended()

    def replaced(self, role: str, old_pid: int, patience_s: float = 30.0) -> int:
        """Wait until another process has the role; returns its pid."""

        def other() -> int | None:
            try:
                pid = self.pid_of(role)
            except LookupError:
                return None
            return pid if pid != old_pid else None

        return wait_for(other, patience_s)

    def none_left(self, patience_s: float) -> float:
        """Wait until no process of it is left; returns the seconds that took."""
        began = time.monotonic()
        wait_for(lambda: not self.processes(), patience_s)
        return time.monotonic() - began

    def wait_until_ready(self, patience_s: float = 60.0) -> float:
        """Wait for 200 from /readyz; returns the seconds that took."""
        began = time.monotonic()
        wait_for(lambda: self.get("/readyz")[0] == 200, patience_s)
        return time.monotonic() - began

    def get(self, path: str, token: str = "") -> tuple[int, dict[str, Any]]:
        """Status and JSON body; status 0 when nothing answers."""
        return self.request("GET", path, token=token)

    def request(
        self, method: str, path: str, body: dict[str, Any] | None = None, token: str = ""
    ) -> tuple[int, dict[str, Any]]:
        """One request with a JSON body."""
        request = urllib.request.Request(self.base_url + path, method=method)
        request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        sent = json.dumps(body).encode() if body is not None else None
        try:
            with urllib.request.urlopen(request, sent, timeout=20) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except OSError:
            return 0, {}

    def admin_token(self) -> str:
        """A token for its administrator."""
        tokens = Tokens(self.settings.jwt_key_file.read_bytes(), SystemClock())
        return tokens.issue_access(self.settings.admin_id_file.read_text().strip())

    def command(
        self, *arguments: str, data_dir: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run another ``vareon`` command on its data dir."""
        command = [*VAREON, *arguments, "--data-dir", str(data_dir or self.data_dir)]
        return subprocess.run(command, capture_output=True, text=True, timeout=90)

    def _flags(self) -> list[str]:
        usual = {"data-dir": self.data_dir, "port": self.port, "ray-dashboard-port": 0}
        return [*(f"--{name}={value}" for name, value in usual.items()), *self.flags]

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                with self._printed:
                    self.output.append(line.rstrip("\n"))
                    self._printed.notify_all()
        with self._printed:
            self._printed.notify_all()

    def _has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def _learn(self) -> None:
        try:
            record = json.loads((self.settings.run_dir / "vareon.json").read_text())
        except OSError:
            return
        self.base_url, self.instance = record["url"], record["instance"]


def forget(data_dir: Path) -> None:
    """Remove what an instance keeps outside of its data dir, where paths are short."""
    settings = Settings(data_dir=data_dir, database_url="")
    for folder in (folders.ray_dir(settings).parent, settings.run_dir):
        if not folder.is_relative_to(data_dir):
            shutil.rmtree(folder, ignore_errors=True)


def wait_for(look: Callable[[], Any], patience_s: float) -> Any:
    """Look until there is something to see; returns it.

    Processes of others tell nobody when they come and go, so this is the one place that polls.
    """
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if seen := look():
            return seen
        time.sleep(POLL_S)
    raise AssertionError(f"not within {patience_s:.0f} s")


def _title(process: psutil.Process) -> str:
    try:
        return (
            process.name() if process.name() in ("raylet", "gcs_server") else process.cmdline()[0]
        )
    except (psutil.Error, IndexError):
        return ""
