"""The next owner of a frozen host's file: ``python -m tests.chaos.takeover DATABASE``.

It opens the same file with the same store, the operating system's lock left out, which is what the
loss of a lease on a database without such a lock amounts to. It fences the frozen host, commits
under its own epoch, and goes. Prints what it did as JSON; exit code 3 means that the frozen host
holds the file in the middle of a transaction, so that nobody can take it.
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path

from vareon_runtime.clock import SystemClock
from vareon_runtime.errors import StoreFailed
from vareon_runtime.identity import EntityId, IdSource
from vareon_runtime.storage.ports import StateRecord, Unit
from vareon_runtime.storage.sqlite import SqliteStore

HELD = 3


class NoLock:
    """Everybody may have it."""

    def acquire(self, patience_s: float) -> None:
        """Have it."""

    def release(self) -> None:
        """Nothing was had."""


def take_over(path: Path) -> dict[str, int]:
    """Fence whoever owns the file, commit once, and let go."""
    ids = IdSource(SystemClock(), random.Random())
    store = SqliteStore(path)
    store._lock = NoLock()  # type: ignore[assignment]
    incarnation = ids.text_id()
    store.open("chaos-next", incarnation)
    fenced_ns = time.monotonic_ns()
    try:
        target = EntityId("chaos_next", incarnation)
        unit = Unit(target, state=StateRecord(target, 1, 1, b"\x80"))
        outcomes = store.commit([unit], int(time.time() * 1000))
        epoch = store.tend(time.monotonic_ns() // 1_000_000).epoch
    finally:
        store.close()
    return {"fenced_ns": fenced_ns, "epoch": epoch, "committed": outcomes.count(None)}


if __name__ == "__main__":
    try:
        done = take_over(Path(sys.argv[1]))
    except StoreFailed as failed:
        print(json.dumps({"held": failed.detail}))  # noqa: T201
        sys.exit(HELD)
    print(json.dumps(done))  # noqa: T201
