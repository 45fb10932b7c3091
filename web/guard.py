"""``If-Match``: what a request changes must be what its caller last saw of it.

A handler knows nothing of it. While it serves such a request, its first change is made under
guard: the version of the entity's state is read, then the object as its caller would see it. If
that is the one the caller means, the entity is asked to make the change if its state still has that
version, and looks itself, in the turn that makes it. If the version rose meanwhile for something
that the caller does not see, it is all done again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

from sqlalchemy import Executable, select

from vareon_runtime.errors import PreconditionFailed
from vareon_runtime.identity import EntityId
from vareon_runtime.storage.tables import EntityRow

R = TypeVar("R")
Look = Callable[[], Awaitable[None]]
"""Returns if the object is the one that the caller means; raises `PreconditionFailed` if not."""
Versions = Callable[[EntityId], Awaitable[int]]
"""The version of an entity's state, as it is committed; 0 if there is none."""

_TRIES = 5
_NONE = 2**64 - 1
"""No state ever has this version: only what was handled before is answered under it."""


class Guard:
    """Guards the first change of one request.

    Args:
        look: Compares the object with what the caller means.
    """

    def __init__(self, look: Look) -> None:
        self._look = look
        self.used = False

    async def ask(
        self,
        version: Callable[[], Awaitable[int]],
        send: Callable[[int], Awaitable[R]],
        *,
        repeated: bool,
    ) -> R:
        """Make the change, or nothing.

        Args:
            version: Reads the version of the state that is to be changed.
            send: Asks for the change, if the state has this version.
            repeated: Whether the request was begun before, so that the change may be made already.

        Raises:
            PreconditionFailed: If the object is another than the caller means.
        """
        self.used = True
        if repeated:
            try:
                return await send(_NONE)
            except PreconditionFailed:
                pass  # It was not made.
        for _ in range(_TRIES):
            found = await version()
            await self._look()
            try:
                return await send(found)
            except PreconditionFailed:
                continue
        raise PreconditionFailed("It is changed by others all the time; look at it again.")


_GUARDING: ContextVar[Guard | None] = ContextVar("guarding", default=None)


@contextmanager
def guarding(look: Look) -> Iterator[Guard]:
    """The first change that is asked for in here is made only if a look at the object says so."""
    guard = Guard(look)
    token = _GUARDING.set(guard)
    try:
        yield guard
    finally:
        _GUARDING.reset(token)


def due_guard() -> Guard | None:
    """The guard of the change that is asked for now, if there is one."""
    guard = _GUARDING.get()
    return None if guard is None or guard.used else guard


class Rows(Protocol):
    """Reads committed rows."""

    async def rows(self, statement: Executable) -> list[Any]:
        """Run a select and return its rows."""
        ...


def committed_versions(rows: Rows) -> Versions:
    """Versions as they are in the database."""

    async def version(target: EntityId) -> int:
        found = await rows.rows(
            select(EntityRow.version).where(
                EntityRow.kind == target.kind, EntityRow.key == target.key
            )
        )
        return int(found[0][0]) if found else 0

    return version
