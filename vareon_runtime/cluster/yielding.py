"""What Ray runs for people to look at gives way to what works.

Dashboard, autoscaler and log reader load for seconds, at the same time as the raylet, its agents
and our own processes, on which the first answer waits. They are told to step back: the two
readers as soon as they appear, the dashboard once `ray.init` has its address and goes on to the
raylet, its agent once `ray.init` is over.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

import psutil  # type: ignore[import-untyped]

_NICENESS = 10
_NICEST = 19
_LOOK_AGAIN_S = 0.1
_READERS = ("monitor.py", "log_monitor.py")
_DASHBOARD = "dashboard.py"
_RAYLET = "raylet"
_AGENT = "DashboardAgent"


@contextlib.contextmanager
def while_starting() -> Iterator[None]:
    """Keep an eye on what `ray.init` starts in this block."""
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(over,), name="yielding", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        _look()
        _look_at_agent()


def children() -> dict[str, psutil.Process]:
    """This process's children by the name of their program or script."""
    found = {}
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            found[_program(child)] = child
    return found


def _watch(over: threading.Event) -> None:
    while not over.wait(_LOOK_AGAIN_S):
        _look()


def _look() -> None:
    known = children()
    for name in _READERS:
        if name in known:
            _step_back(known[name])
    if _RAYLET in known and _DASHBOARD in known:
        dashboard = known[_DASHBOARD]
        with contextlib.suppress(psutil.Error):
            for process in (dashboard, *dashboard.children(recursive=True)):
                _step_back(process)


def _look_at_agent() -> None:
    """The raylet waits for its dashboard agent only until it has registered."""
    raylet = children().get(_RAYLET)
    if raylet is not None:
        with contextlib.suppress(psutil.Error):
            for child in raylet.children():
                if _AGENT in " ".join(child.cmdline()):
                    _step_back(child)


def _step_back(process: psutil.Process) -> None:
    wanted = min(os.nice(0) + _NICENESS, _NICEST)
    with contextlib.suppress(psutil.Error):
        if process.nice() < wanted:
            process.nice(wanted)


def _program(process: psutil.Process) -> str:
    """``gcs_server``, ``raylet``, or the script that a Python runs."""
    for part in process.cmdline()[:4]:
        name: str = part.rpartition("/")[2]
        if name.endswith(".py"):
            return name
    program: str = process.name()
    return program
