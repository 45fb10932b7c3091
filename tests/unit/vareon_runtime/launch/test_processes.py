"""Watching and ending processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

from vareon_runtime.cluster import INSTANCE_MARK
from vareon_runtime.launch import processes


def _sleeper(instance: str) -> subprocess.Popen[bytes]:
    """A process that carries a mark, and has said that it is there."""
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", "import time; print(flush=True); time.sleep(60)"],
        env={**os.environ, INSTANCE_MARK: instance},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    return process


async def test_end_all_ends_the_marked_ones_only() -> None:
    """Those of another start live on."""
    ours, others = [_sleeper("start-a"), _sleeper("start-a")], _sleeper("start-b")
    try:
        assert await processes.end_all("start-a")
        assert all(process.wait(5) is not None for process in ours)
        assert others.poll() is None
    finally:
        others.kill()
        others.wait()


async def test_watch_names_the_first_to_end() -> None:
    """And is quiet from then on."""
    first, second = _sleeper("start-c"), _sleeper("start-c")
    ended: asyncio.Queue[str] = asyncio.Queue()
    watch = processes.ExitWatch(ended.put_nowait)
    watch.add("first", first.pid)
    watch.add("second", second.pid)
    first.kill()
    assert await asyncio.wait_for(ended.get(), 5) == "first"
    second.kill()
    first.wait()
    second.wait()
    await asyncio.sleep(0)
    assert ended.empty()


async def test_watch_of_one_that_is_gone() -> None:
    """It has ended before it could be watched."""
    process = _sleeper("start-d")
    process.kill()
    process.wait()
    ended: list[str] = []
    processes.ExitWatch(ended.append).add("gone", process.pid)
    assert ended == ["gone"]
