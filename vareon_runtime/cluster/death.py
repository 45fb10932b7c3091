"""Ending with one's parent, and ending every process of one start."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

import psutil  # type: ignore[import-untyped]

from vareon_runtime.cluster import INSTANCE_MARK

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel to kill this process as soon as its parent ends (Linux only).

    A raylet that was killed otherwise leaves its workers running for some ten seconds.
    """
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def marked(instance: str) -> list[psutil.Process]:
    """Every living process of one start, found by the mark in its environment.

    The caller itself is never among them.
    """
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(INSTANCE_MARK) == instance:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def kill_marked(instance: str) -> int:
    """Kill what `marked` finds; returns how many there were."""
    found = marked(instance)
    for process in found:
        try:
            process.kill()
        except psutil.Error:
            continue
    return len(found)
