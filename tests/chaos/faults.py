"""What is done to the running system, and in which mixture."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.chaos.takeover import HELD
from tests.support.running import RunningVareon
from vareon_runtime.hosting.bootstrap import sqlite_path
from vareon_runtime.storage.ports import LEASE_MS

HOST, ROUTER, FRONT_DOOR = "EntityHost", "CognisysRouter", "FrontDoor"
RAYLET, GCS = "raylet", "gcs_server"
PAST_THE_LEASE_S = LEASE_MS / 1000 + 0.3
REPLACED_WITHIN_S = 7.0
THAWED_ENDS_WITHIN_S = 5.0
TAKEOVER_S = 30.0
LATEST_S = 0.4
IN_ITS_COMMIT = 0.3
"""Of the hosts that are killed, so many have turns that wait for the disk at that moment."""
HELD_S = 0.15
LOCKED_S, LOCK_PATIENCE_S = 12.0, 10.0
TRIES, BETWEEN_TRIES_S = 100, 0.007

KILLS = {
    "kill host": (35, (HOST,)),
    "kill router": (20, (ROUTER,)),
    "kill front door": (15, (FRONT_DOOR,)),
    "kill raylet": (15, (RAYLET,)),
    "kill gcs": (10, (GCS,)),
    "kill two": (5, ()),
}
FREEZES = {
    "freeze host, left alive": (25, HOST),
    "freeze host": (13, HOST),
    "freeze router": (6, ROUTER),
    "freeze front door": (6, FRONT_DOOR),
}
LOCK = "lock the database"
"""Somebody else's transaction, for longer than a writer waits: its commits fail."""
MODES = {name: share for name, (share, _) in (KILLS | FREEZES).items()} | {LOCK: 7}
QUICK = {"kill host": 6, "kill router": 3, "kill front door": 3}
LONG = frozenset({"kill raylet", "kill gcs"})


@dataclass(slots=True)
class Fault:
    """What was done.

    Attributes:
        mode: Which kind.
        at_ns: When each process was hit, by the monotonic clock.
        judged_ns: From when on recovery counts; 0 for where the test itself decides how long.
        outcome: What became of a frozen process.
        wrong: What should not have been.
    """

    mode: str
    at_ns: list[int] = field(default_factory=list)
    judged_ns: int = 0
    outcome: str = ""
    wrong: list[str] = field(default_factory=list)


def schedule(rounds: int, modes: dict[str, int]) -> list[str]:
    """So many modes in their proportion, well mixed and always the same."""
    owed = dict.fromkeys(modes, 0.0)
    whole = sum(modes.values())
    planned = []
    for _ in range(rounds):
        for name, share in modes.items():
            owed[name] += share / whole
        due = max(owed, key=lambda name: owed[name])
        owed[due] -= 1
        planned.append(due)
    return planned


def strike(vareon: RunningVareon, mode: str, random: Random) -> Fault:
    """Do it, at a random moment; returns once a frozen process has met its end."""
    fault = Fault(mode)
    if mode == LOCK:
        time.sleep(random.uniform(0, LATEST_S))
        _lock(sqlite_path(vareon.settings.database_url), fault)
        return fault
    if mode in FREEZES:
        pid = vareon.replaced(FREEZES[mode][1], 0)
        time.sleep(random.uniform(0, LATEST_S))
        if mode.endswith("left alive"):
            _left_alive(vareon, pid, fault)
        else:
            _frozen(vareon, pid, fault)
        return fault
    roles = KILLS[mode][1] or tuple(random.sample((HOST, ROUTER, FRONT_DOOR), 2))
    pids = [vareon.replaced(role, 0) for role in roles]
    time.sleep(random.uniform(0, LATEST_S))
    if HOST in roles and (len(roles) > 1 or random.random() < IN_ITS_COMMIT):
        fault.outcome = "in its commit"
        with _locked(sqlite_path(vareon.settings.database_url)):
            time.sleep(HELD_S)
            _kill(pids, fault)
    else:
        _kill(pids, fault)
    return fault


def _kill(pids: list[int], fault: Fault) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            fault.at_ns.append(time.monotonic_ns())
    fault.judged_ns = fault.at_ns[-1] if fault.at_ns else time.monotonic_ns()


def _frozen(vareon: RunningVareon, pid: int, fault: Fault) -> None:
    """Whoever watches must kill it, and have another in its place, in time."""
    os.kill(pid, signal.SIGSTOP)
    fault.at_ns.append(time.monotonic_ns())
    fault.judged_ns = fault.at_ns[0]
    if _ended(pid, REPLACED_WITHIN_S):
        took_s = (time.monotonic_ns() - fault.at_ns[0]) / 1e9
        fault.outcome = f"killed after {took_s:.1f} s"
    else:
        fault.wrong.append("a frozen process was not killed")
        os.kill(pid, signal.SIGKILL)


def _lock(path: Path, fault: Fault) -> None:
    with _locked(path):
        fault.at_ns.append(time.monotonic_ns())
        time.sleep(LOCKED_S)
    fault.judged_ns = time.monotonic_ns()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Nobody else can commit for as long as this is entered."""
    connection = sqlite3.connect(path, timeout=LOCK_PATIENCE_S, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def _left_alive(vareon: RunningVareon, pid: int, fault: Fault) -> None:
    """Nobody may kill it; the next owner takes its file, and then it wakes up.

    Its watchers are frozen along with it: that is the test's wiring for a watch that failed.
    """
    with Stopped(_watchers(vareon)):
        _freeze_outside_of_a_transaction(sqlite_path(vareon.settings.database_url), pid)
        try:
            fault.at_ns.append(time.monotonic_ns())
            time.sleep(PAST_THE_LEASE_S)
            took = _take_over(vareon)
        finally:
            os.kill(pid, signal.SIGCONT)
        if took.returncode == HELD:
            fault.outcome = "held the file in a transaction; thawed as its owner"
            return
        if took.returncode:
            fault.wrong.append(f"the takeover failed: {took.stderr[-500:]}")
            return
        thawed_ns = time.monotonic_ns()
        if not _ended(pid, THAWED_ENDS_WITHIN_S):
            fault.wrong.append("a fenced host went on")
    took_s = (time.monotonic_ns() - thawed_ns) / 1e9
    fault.outcome = f"fenced by epoch {json.loads(took.stdout)['epoch']}; ended in {took_s:.1f} s"


def _freeze_outside_of_a_transaction(path: Path, pid: int) -> None:
    """A writer that is frozen within one locks the file, and nobody could take it over.

    A busy one is in one for much of the time, so this may take a few tries.
    """
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        for _ in range(TRIES):
            os.kill(pid, signal.SIGSTOP)
            try:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
            except sqlite3.OperationalError:
                os.kill(pid, signal.SIGCONT)
                time.sleep(BETWEEN_TRIES_S)
            else:
                return
        os.kill(pid, signal.SIGSTOP)
    finally:
        connection.close()


class Stopped:
    """Processes that stand still for as long as this is entered."""

    def __init__(self, pids: list[int]) -> None:
        self._pids = pids

    def __enter__(self) -> None:
        self._send(signal.SIGSTOP)

    def __exit__(self, *exc: object) -> None:
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        for pid in self._pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def _watchers(vareon: RunningVareon) -> list[int]:
    assert vareon.process is not None
    drivers = [p.pid for p in vareon.processes() if "vareon_runtime.cluster.driver" in p.cmdline()]
    return [vareon.process.pid, *drivers]


def _take_over(vareon: RunningVareon) -> subprocess.CompletedProcess[str]:
    path = str(sqlite_path(vareon.settings.database_url))
    command = [sys.executable, "-m", "tests.chaos.takeover", path]
    return subprocess.run(command, capture_output=True, text=True, timeout=TAKEOVER_S, check=False)


def _ended(pid: int, patience_s: float) -> bool:
    def gone() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return _is_zombie(pid)

    return _holds(gone, patience_s)


def _is_zombie(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        return stat.rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _holds(look: Callable[[], bool], patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if look():
            return True
        time.sleep(0.02)
    return look()
