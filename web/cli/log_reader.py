"""Lines of several logs in the order of their times, and those that come while one looks."""

from __future__ import annotations

import contextlib
import heapq
import json
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

READ_BYTES = 4 * 1024 * 1024
"""Of each file no more than its end is read."""
_LOOK_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class Entry:
    """One line, as it stands and taken apart.

    Attributes:
        source: The file's name without its ending.
        fields: Its fields; for a line that is not JSON only ``event``, the line itself.
    """

    time: str
    source: str
    line: str
    fields: dict[str, Any]


def newest(files: Sequence[Path], most: int) -> list[Entry]:
    """The last entries of all files together, in order."""
    tails = [deque(_entries(file, _tail(file)), maxlen=most) for file in files]
    return list(heapq.merge(*tails, key=lambda entry: entry.time))[-most:] if most else []


def follow(files: Sequence[Path]) -> Iterator[Entry]:
    """What is written from now on, until the reader stops; a file that begins anew is followed."""
    places = {file: _end(file) for file in files}
    while True:
        found: list[Entry] = []
        for file, (inode, at) in places.items():
            with contextlib.suppress(FileNotFoundError):
                state = file.stat()
                begin = at if state.st_ino == inode and state.st_size >= at else 0
                with file.open("rb") as log:
                    log.seek(begin)
                    fresh = log.read(READ_BYTES)
                whole = fresh[: fresh.rfind(b"\n") + 1]
                places[file] = (state.st_ino, begin + len(whole))
                found += _entries(file, whole)
        yield from sorted(found, key=lambda entry: entry.time)
        if not found:
            time.sleep(_LOOK_EVERY_S)


def _end(file: Path) -> tuple[int, int]:
    with contextlib.suppress(FileNotFoundError):
        state = file.stat()
        return state.st_ino, state.st_size
    return 0, 0


def _tail(file: Path) -> bytes:
    with contextlib.suppress(FileNotFoundError), file.open("rb") as log:
        size = log.seek(0, os.SEEK_END)
        log.seek(max(0, size - READ_BYTES))
        found = log.read(READ_BYTES)
        return found if size <= READ_BYTES else found.partition(b"\n")[2]
    return b""


def _entries(file: Path, content: bytes) -> Iterator[Entry]:
    last = ""
    for line in content.decode(errors="replace").splitlines():
        fields: Any = None
        with contextlib.suppress(ValueError):
            fields = json.loads(line)
        if not isinstance(fields, dict):
            fields = {"event": line}
        # What is not ours belongs to the line before it.
        last = str(fields.get("time", last))
        yield Entry(last, file.stem, line, fields)
