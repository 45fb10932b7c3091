"""Watching processes that are not our children, and ending every process of one start."""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
from collections.abc import Callable

from vareon_runtime.cluster.death import kill_marked

_PR_SET_CHILD_SUBREAPER = 36
_POLL_S = 0.25
_PAUSE_S = 0.02
_REAP_PATIENCE_S = 0.5
_KILL_PATIENCE_S = 15.0


def adopt_orphans() -> None:
    """Become the parent of whatever our descendants leave behind, so that it can be reaped."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap() -> bool:
    """Collect children that have ended; returns whether there are others."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


async def end_all(instance: str) -> bool:
    """Kill every process of one start and wait until they are gone.

    Returns:
        Whether they are; a process in an uninterruptible wait may outlast our patience.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _KILL_PATIENCE_S
    clean = 0
    while loop.time() < deadline:
        found = await asyncio.to_thread(kill_marked, instance)
        reap()
        # a process may have been forked while the list was read, so one empty list is not proof
        clean = 0 if found else clean + 1
        if clean == 2:
            await _reap_the_last()
            return True
        await asyncio.sleep(_PAUSE_S)
    return False


async def _reap_the_last() -> None:
    """What was killed becomes our child, and then ended, some moments later."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _REAP_PATIENCE_S
    while reap() and loop.time() < deadline:  # noqa: ASYNC110 - the kernel tells nobody else
        await asyncio.sleep(_PAUSE_S)


class ExitWatch:
    """Calls back once, when the first of several processes has ended."""

    def __init__(self, on_exit: Callable[[str], None]) -> None:
        self._on_exit = on_exit
        self._descriptors: list[int] = []
        self._tasks: list[asyncio.Task[None]] = []

    def add(self, name: str, pid: int) -> None:
        """Watch one more process."""
        loop = asyncio.get_running_loop()
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            self._fire(name)
        except (AttributeError, OSError):
            self._tasks.append(loop.create_task(self._poll(name, pid)))
        else:
            self._descriptors.append(descriptor)
            loop.add_reader(descriptor, self._fire, name)

    def clear(self) -> None:
        """Watch nothing any more."""
        for descriptor in self._descriptors:
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)
        for task in self._tasks:
            task.cancel()
        self._descriptors, self._tasks = [], []

    def _fire(self, name: str) -> None:
        self.clear()
        self._on_exit(name)

    async def _poll(self, name: str, pid: int) -> None:
        while _alive(pid):  # noqa: ASYNC110 - nothing tells us; this is where nothing better exists
            await asyncio.sleep(_POLL_S)
        self._tasks = []
        self._fire(name)


def _alive(pid: int) -> bool:
    reap()
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
