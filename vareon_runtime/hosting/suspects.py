"""What runs right now, in memory that outlives the process: who is to blame if it dies.

A file of fixed slots is mapped into memory. A turn writes its message's id into a slot when it
begins and wipes the slot when it ends; the kernel keeps the pages whatever becomes of the
process, so the next life of the host finds exactly what was running. Nothing is synced: a machine
that loses its power kills all hosts alike, and nobody is to blame.

The first slot is the effects'. They run for minutes and mostly wait, so it names an effect only
while that effect's own code is being executed, which is one at a time.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Awaitable, Callable, Coroutine, Generator
from pathlib import Path
from typing import Any

from vareon_runtime.identity import MessageId

SIZE = 16
EMPTY = bytes(SIZE)
SLOTS = 16_384
"""Turns that may run at once; more wait. One turn mostly ends before another begins."""
_ALL = SLOTS * SIZE


class Marks:
    """The ids of running turns and of the effect being executed.

    Args:
        path: The file; without one the memory is this object's own.
        memory: What stands for the file in a test that keeps it over lives of a host.
    """

    def __init__(self, path: Path | None = None, memory: bytearray | None = None) -> None:
        self._path = path
        self._memory: Any = memory if memory is not None else bytearray()
        self._free = list(range(_ALL - SIZE, 0, -SIZE))
        """The first slot is no turn's."""
        self._executing = EMPTY

    @property
    def quiet(self) -> bool:
        """Whether no turn is running."""
        return len(self._free) == SLOTS - 1

    @property
    def full(self) -> bool:
        """Whether as many turns are running as may."""
        return not self._free

    def take_over(self) -> tuple[MessageId, ...]:
        """Begin; returns who is suspected of having ended the life before.

        An effect whose code was being executed is to blame alone; else every turn that was
        running is suspected.

        Raises:
            OSError: If the file cannot be made.
        """
        if self._path is not None:
            self._memory = _mapped(self._path)
        elif not self._memory:
            self._memory.extend(bytes(_ALL))
        return self.running()

    def running(self) -> tuple[MessageId, ...]:
        """Ids that are marked now, or were when the last life ended."""
        content = bytes(self._memory)
        used = len(content.rstrip(b"\0"))  # the lowest slots are taken first
        found = [content[at : at + SIZE] for at in range(0, used, SIZE)]
        if found and found[0] != EMPTY:
            return (found[0],)
        return tuple(dict.fromkeys(one for one in found if one != EMPTY))

    def wipe(self) -> None:
        """The last life's marks have been counted."""
        self._memory[0:_ALL] = bytes(_ALL)

    def begin(self, message_id: MessageId) -> int:
        """A turn begins; returns its slot."""
        at = self._free.pop()
        self._memory[at : at + SIZE] = message_id
        return at

    def end(self, at: int) -> None:
        """The turn in this slot has ended."""
        self._memory[at : at + SIZE] = EMPTY
        self._free.append(at)

    def executing(self, effect_id: MessageId) -> MessageId:
        """An effect's code is executed from now on, or none, by `EMPTY`; returns whose was."""
        before, self._executing = self._executing, effect_id
        self._memory[0:SIZE] = effect_id
        return before

    def keep(self) -> None:
        """Leave the marks as they are, as death does; what ends from now on is not noted."""
        self._memory = bytearray(self._memory)

    def close(self) -> None:
        """An orderly end: nobody is suspected."""
        self.wipe()
        self.keep()


class Steps:
    """An effect's coroutine, marked as executing whenever it is, and only then."""

    __slots__ = ("_coroutine", "_effect_id", "_marks")

    def __init__(self, marks: Marks, effect_id: bytes, running: Awaitable[Any]) -> None:
        self._marks = marks
        self._effect_id = effect_id
        self._coroutine = running if isinstance(running, Coroutine) else _awaiting(running)

    def __await__(self) -> Generator[Any, Any, Any]:
        coroutine, marks, effect_id = self._coroutine, self._marks, self._effect_id
        resume: Callable[[Any], Any] = coroutine.send
        value: Any = None
        while True:
            before = marks.executing(effect_id)
            try:
                awaited = resume(value)
            except StopIteration as end:
                return end.value
            finally:
                marks.executing(before)  # a step of a flow ends within the flow's own
            try:
                value = yield awaited
                resume = coroutine.send
            except BaseException as error:  # noqa: BLE001 - the coroutine must see whatever it is
                value, resume = error, coroutine.throw


async def _awaiting(running: Awaitable[Any]) -> Any:
    return await running


def _mapped(path: Path) -> mmap.mmap:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, _ALL)  # a page without a block kills on a full disk
        return mmap.mmap(descriptor, _ALL)
    finally:
        os.close(descriptor)
