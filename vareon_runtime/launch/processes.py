"""Watching processes that are not our children, and ending every process of one start."""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
from collections.abc import Callable

from vareon_runtime.cluster.death import kill_marked
from vareon_runtime.launch.process_handle import ProcessHandle

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
        self._handles: list[ProcessHandle] = []
        self._tasks: list[asyncio.Task[None]] = []

    def add(self, name: str, pid: int) -> None:
        """Watch one more process."""
        loop = asyncio.get_running_loop()
        try:
            handle = ProcessHandle(pid)
        except ProcessLookupError:
            self._fire(name)
            return
        self._handles.append(handle)
        if handle.descriptor is not None:
            loop.add_reader(handle.descriptor, self._fire, name)
        else:
            self._tasks.append(loop.create_task(self._poll(name, handle)))

    def clear(self) -> None:
        """Watch nothing any more."""
        for handle in self._handles:
            if handle.descriptor is not None:
                asyncio.get_running_loop().remove_reader(handle.descriptor)
            handle.close()
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        self._handles, self._tasks = [], []

    def _fire(self, name: str) -> None:
        self.clear()
        self._on_exit(name)

    async def _poll(self, name: str, handle: ProcessHandle) -> None:
        while not handle.ended():  # noqa: ASYNC110 - nothing tells us where we have to poll
            await asyncio.sleep(_POLL_S)
        self._fire(name)
