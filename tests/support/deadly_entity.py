"""An entity whose messages end the process that handles them, each in its own way."""

from __future__ import annotations

import asyncio
import os
import resource
from pathlib import Path

from vareon_runtime.entity import (
    Context,
    Entity,
    Later,
    Request,
    State,
    command,
    effect,
    entity,
    query,
)
from vareon_runtime.errors import VareonError

_ROOM_BYTES = 64 * 1024 * 1024


class Death:
    """Comes to whoever handles a deadly message; the test says how.

    Attributes:
        armed: Whether it comes at all.
        reprieve: Lets everybody go who waits for death now.
        reached: Set whenever somebody waits for it in vain, as the test has yet to kill the host.
    """

    def __init__(self, armed: bool = True) -> None:
        self.armed = armed
        self.reached = asyncio.Event()
        self.reprieve = asyncio.Event()
        self.running: list[str] = []
        self.harmless: set[str] = set()

    async def come(self, key: str) -> None:
        """Wait to be killed."""
        self.running.append(key)
        try:
            if self.armed and key not in self.harmless:
                self.reached.set()
                await self.reprieve.wait()
        finally:
            self.running.remove(key)


DEADLY_FILE = "DEADLY_FILE"
"""Environment variable: in a process of its own, death comes while this file exists."""


def _armed(context: Context) -> bool:
    if DEADLY_FILE in os.environ:
        return Path(os.environ[DEADLY_FILE]).exists()
    return context.resource(Death).armed


class DeadlyState(State):
    handled: int = 0
    told: str = ""


class Die(Request[int], frozen=True):
    """End the process: ``waiting``, ``exit``, ``loop``, ``memory``; or only ``raise``."""

    how: str = "waiting"


class Live(Request[int], frozen=True):
    """Do no harm."""


class GetDeath(Request[int], frozen=True):
    """End the process although nothing is to be changed."""


class DieInEffect(Request[str], frozen=True):
    """End the process in an effect; the entity is told when it is given up."""

    how: str = "exit"
    then_too: bool = False


class GetHandled(Request[int], frozen=True):
    """How many were handled."""


@entity("deadly", exposed=True)
class Deadly(Entity[DeadlyState]):
    """See the module."""

    @command(creates=True)
    async def die(self, message: Die, context: Context) -> int:
        if message.how == "waiting":
            await context.resource(Death).come(self.key)
        elif _armed(context):
            _die(message.how)
        self.state.handled += 1
        return self.state.handled

    @command(creates=True)
    async def live(self, message: Live, context: Context) -> int:
        self.state.handled += 1
        return self.state.handled

    async def activated(self, context: Context) -> None:
        if DEADLY_FILE not in os.environ and self.key == "unloadable":
            await context.resource(Death).come("load")

    @query
    async def look(self, message: GetDeath, context: Context) -> int:
        await context.resource(Death).come(self.key)
        return self.state.handled

    @query
    async def count(self, message: GetHandled, context: Context) -> int:
        return self.state.handled

    @command(creates=True)
    async def delegate(self, message: DieInEffect, context: Context) -> Later[str]:
        call = self.work(message.how, message.then_too)
        return context.after(call, then=self.worked, failed=self.given_up)

    @effect()
    async def work(self, how: str, then_too: bool) -> str:
        await asyncio.sleep(0)
        if how != "error":
            _die(how)
        return "done"

    async def worked(self, result: str, context: Context) -> str:
        return result

    async def given_up(self, error: VareonError, context: Context) -> str:
        self.state.told = error.code
        return error.code


def _die(how: str) -> None:
    if how == "exit":
        os._exit(3)
    elif how == "loop":
        while True:
            pass
    elif how == "memory":
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        used = pages * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + _ROOM_BYTES, hard))
        bytearray(2 * 1024 * 1024 * 1024)
    elif how == "raise":
        raise ValueError("as the test wants")
