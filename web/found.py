"""What a keyed request has read before it changed anything.

It is kept with the request, so that whoever runs it again decides the same: what it was about may
be gone by then, and what it answers with may have another name.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Any

import msgspec
from sqlalchemy import Executable
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData

from vareon_runtime.errors import InternalError

MOST_FOUND = 64 * 1024
"""Bytes that a request may read before it changes anything."""
_DIGEST = 16


class Read(msgspec.Struct, frozen=True, array_like=True):
    """The rows of one select.

    Attributes:
        of: Stands for the select: a request that was changed meanwhile may ask for other things.
        columns: Their names; empty without rows.
        rows: Their values.
    """

    of: bytes
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


class Found:
    """Notes down each read, or gives what was noted the first time.

    Args:
        first: What `end` returned when the request was begun, if it came so far.
    """

    def __init__(self, first: bytes = b"") -> None:
        self._first = deque(msgspec.msgpack.decode(first, type=list[Read]) if first else ())
        self._noted: list[Read] | None = None if first else []

    async def rows(
        self, statement: Executable, read: Callable[[Executable], Awaitable[list[Any]]]
    ) -> list[Any]:
        """The rows of a select, of the first time if it was read then."""
        if self._noted is None and not self._first:
            return await read(statement)
        of = blake2b(str(statement).encode(), digest_size=_DIGEST).digest()
        if self._first and self._first[0].of == of:
            return _as_rows(self._first.popleft())
        self._first.clear()
        rows = await read(statement)
        if self._noted is not None:
            columns = tuple(rows[0]._fields) if rows else ()
            self._noted.append(Read(of, columns, tuple(map(tuple, rows))))
        return rows

    def end(self) -> bytes:
        """What is to be kept, as it changes something now; empty if there is nothing to keep.

        Raises:
            InternalError: If it is too much, or not of a kind that can be kept.
        """
        noted, self._noted = self._noted, None
        self._first.clear()
        if not noted:
            return b""
        packed = msgspec.msgpack.encode(noted)
        if len(packed) > MOST_FOUND or msgspec.msgpack.decode(packed, type=list[Read]) != noted:
            raise InternalError("A request with a key reads too much before it changes anything.")
        return packed


def _as_rows(read: Read) -> list[Any]:
    return list(IteratorResult(SimpleResultMetaData(read.columns), iter(read.rows)))
