"""A full disk: writes are refused, reads go on, nothing acknowledged is lost, room brings it back.

The data dir is a small file system of its own, in memory, mounted for as long as the round takes.
That needs the right to mount; without it the round says so and is not recorded.
"""

from __future__ import annotations

import errno
import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.chaos.arena import Arena
from tests.chaos.faults import Fault
from tests.chaos.verdict import Verdict, conclude

MODE = "fill disk"
SIZE = "64m"
FULL_S = 6.0
BACK_WITHIN_S = 10.0
WARM_S = 2.5
BLOCK = b"\0" * 65_536


class SmallDisk:
    """A file system of 64 MiB.

    Args:
        folder: Where it is mounted.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(self.folder)]
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
        if done.returncode:
            raise PermissionError(f"no file system can be mounted here: {done.stderr.strip()}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        subprocess.run(["umount", "--lazy", str(self.folder)], check=False)

    def fill(self) -> None:
        """Leave no room."""
        file = os.open(self.folder / "filling", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        size = len(BLOCK)
        while size:
            try:
                os.write(file, BLOCK[:size])
            except OSError as failed:
                if failed.errno != errno.ENOSPC:
                    raise
                size //= 2
        os.close(file)

    def free(self) -> None:
        """Make room again."""
        with suppress(FileNotFoundError):
            (self.folder / "filling").unlink()


def round_on_full_disk(folder: Path, seed: int) -> Verdict:
    """One system, one full disk.

    Raises:
        PermissionError: If this user cannot mount anything.
    """
    with SmallDisk(folder / "data") as disk, Arena(folder, seed) as arena:
        began = time.monotonic()
        vareon, crew, fault = arena.vareon, arena.crew, Fault(MODE)
        crew.begin(1, seed, vareon.base_url, vareon.admin_token())
        time.sleep(WARM_S)
        fault.at_ns.append(time.monotonic_ns())
        end = time.monotonic() + FULL_S
        while time.monotonic() < end:  # logs are rotated and files removed meanwhile
            disk.fill()
            time.sleep(0.05)
        _refused(arena, fault)
        disk.free()
        fault.judged_ns = time.monotonic_ns()
        stuck = crew.settle()
        verdict = conclude(1, fault, crew.histories(1), crew.deliveries, arena.trail.since())
        slowest = max(verdict.recovered_s, default=0.0)
        if slowest > BACK_WITHIN_S:
            verdict.wrong.append(f"it took {slowest:.1f} s to work again after there was room")
        verdict.wrong += [f"the {name} clients never came to rest" for name in stuck]
        verdict.wrong += arena.end()
        verdict.seed, verdict.seconds = seed, round(time.monotonic() - began, 2)
    return verdict


def _refused(arena: Arena, fault: Fault) -> None:
    """While it is full, a write says so and a read answers."""
    token = arena.vareon.admin_token()
    log = "/api/entities/chaos_log"
    status, _ = arena.vareon.request("POST", f"{log}/full/Append", {"op": "too-much"}, token)
    fault.outcome = f"a write was answered {status}"
    if status not in (503, 507):
        fault.wrong.append(f"a write on a full disk was answered {status}")
    status, _ = arena.vareon.request("GET", f"{log}/r1-0/GetAll", None, token)
    fault.outcome += f", a read {status}"
    if status != 200:
        fault.wrong.append(f"a read on a full disk was answered {status}")
