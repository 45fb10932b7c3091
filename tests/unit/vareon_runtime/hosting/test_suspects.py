"""What is marked as running survives the process, and names nobody else."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from vareon_runtime.hosting.suspects import EMPTY, SLOTS, Marks, Steps

ONE, TWO, EFFECT = (bytes([number]) * 16 for number in (1, 2, 3))

_DIES = """
import os, sys
from pathlib import Path
from vareon_runtime.hosting.suspects import Marks
marks = Marks(Path(sys.argv[1]))
assert marks.take_over() == ()
first, second = marks.begin(b"\\1" * 16), marks.begin(b"\\2" * 16)
marks.end(first)
os.kill(os.getpid(), 9)
"""


def opened() -> Marks:
    marks = Marks()
    marks.take_over()
    return marks


def test_a_killed_process_leaves_what_it_was_running(tmp_path: Path) -> None:
    path = tmp_path / "run" / "host.running"
    done = subprocess.run([sys.executable, "-c", _DIES, str(path)], timeout=30, check=False)
    assert done.returncode == -9
    next_life = Marks(path)
    assert next_life.take_over() == (TWO,)
    next_life.wipe()
    assert next_life.running() == ()
    assert Marks(path).take_over() == (), "they are counted once"


def test_an_orderly_end_leaves_nobody_suspected(tmp_path: Path) -> None:
    path = tmp_path / "host.running"
    marks = Marks(path)
    marks.take_over()
    marks.begin(ONE)
    marks.close()
    assert Marks(path).take_over() == ()


def test_an_effect_being_executed_is_to_blame_alone() -> None:
    marks = opened()
    marks.begin(ONE)
    marks.executing(EFFECT)
    assert marks.running() == (EFFECT,)
    marks.executing(EMPTY)
    assert marks.running() == (ONE,)


def test_it_knows_when_it_is_quiet_and_when_it_is_full() -> None:
    marks = opened()
    assert marks.quiet
    slots = [marks.begin(ONE) for _ in range(SLOTS - 1)]
    assert marks.full
    assert marks.running() == (ONE,)
    for slot in slots:
        marks.end(slot)
    assert marks.quiet
    assert marks.running() == ()


async def test_an_effect_is_marked_in_its_own_steps_only() -> None:
    marks, seen, outside = opened(), list[tuple[bytes, ...]](), list[tuple[bytes, ...]]()

    async def work() -> str:
        seen.append(marks.running())
        await asyncio.sleep(0)
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 0.001)
        except TimeoutError:
            seen.append(marks.running())
        return "done"

    async def run() -> str:
        result: str = await Steps(marks, EFFECT, work())
        return result

    running = asyncio.create_task(run())
    while not running.done():
        await asyncio.sleep(0)
        outside.append(marks.running())
    assert running.result() == "done"
    assert seen == [(EFFECT,)] * 2
    assert set(outside) == {()}


async def test_an_effects_end_passes_through() -> None:
    marks = opened()

    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError("as it is")

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            left.append("cleaned up")

    async def run_waits() -> None:
        await Steps(marks, EFFECT, waits())

    left: list[str] = []
    with pytest.raises(ValueError, match="as it is"):
        await Steps(marks, EFFECT, fails())
    running = asyncio.create_task(run_waits())
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert left == ["cleaned up"]
    assert marks.running() == ()


async def test_a_flow_is_marked_again_once_a_step_of_it_has_ended() -> None:
    marks = opened()

    async def step() -> None:
        await asyncio.sleep(0)

    async def flow() -> tuple[bytes, ...]:
        await Steps(marks, EFFECT, step())
        return marks.running()

    assert await Steps(marks, EFFECT, flow()) == (EFFECT,)
    assert marks.running() == ()
