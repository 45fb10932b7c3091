"""The Ray driver: starts a local Ray and our actors in it, and ends both.

Run as ``python -m vareon_runtime.cluster.driver`` by the parent, which speaks to it in the lines
that `vareon_runtime.cluster.wire` describes. When the parent's end of the pipe closes, the
parent is dead, and every process of this start is killed.
"""

from __future__ import annotations

import gc
import json
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

from vareon_runtime import telemetry
from vareon_runtime.cluster import INSTANCE_MARK, wire

_KILL_ROUNDS = 100
_KILL_PAUSE_S = 0.05


class Parent:
    """The parent, as the driver sees it: orders come in, reports go out.

    Args:
        incoming: Where its lines are read.
        outgoing: Where ours are written.
        instance: The mark of this start.
    """

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO, instance: str) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._instance = instance
        self.orders: queue.SimpleQueue[str] = queue.SimpleQueue()

    def first_line(self) -> dict[str, Any]:
        """Settings; the process ends here when the parent has changed its mind."""
        text = self._incoming.readline(wire.MAX_LINE_BYTES)
        if not text:
            sys.exit(0)
        first: dict[str, Any] = json.loads(text)
        return first

    def listen(self) -> None:
        """Put orders in the queue, from a thread that also notices the parent's death."""
        threading.Thread(target=self._listen, name="parent", daemon=True).start()

    def report(self, event: str, **fields: object) -> None:
        """Tell it something."""
        try:
            self._outgoing.write(wire.line({"event": event, **fields}))
            self._outgoing.flush()
        except OSError:
            return  # it is dead, which the listening thread acts upon

    def _listen(self) -> None:
        try:
            while text := self._incoming.readline(wire.MAX_LINE_BYTES):
                self.orders.put(json.loads(text)["do"])
        finally:
            self._end_everything()

    def _end_everything(self) -> None:
        from vareon_runtime.cluster.death import kill_marked

        try:
            for _ in range(_KILL_ROUNDS):
                if not kill_marked(self._instance):
                    break
                time.sleep(_KILL_PAUSE_S)
        finally:
            os.kill(os.getpid(), signal.SIGKILL)


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The parent's pipes under private numbers, so that nothing Ray prints can reach them."""
    incoming = os.fdopen(os.dup(0), "rb", buffering=0)
    outgoing = os.fdopen(os.dup(1), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return incoming, outgoing


def _log_to(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def main() -> None:
    """Wait for settings, then serve the parent until it says stop."""
    telemetry.configure_logging()
    incoming, outgoing = _own_pipes()
    parent = Parent(incoming, outgoing, os.environ.get(INSTANCE_MARK, ""))
    try:
        _serve(parent)
    except Exception as error:  # noqa: BLE001 - the parent decides what becomes of it
        lines = str(error).strip().splitlines() or [""]
        parent.report("failed", name="Ray", detail=f"{type(error).__name__}: {lines[0][:300]}")
        telemetry.failure("driver.failed", error)
        sys.exit(1)


def _serve(parent: Parent) -> None:
    gc.disable()  # imports make no garbage
    from vareon_runtime.cluster.local_cluster import LocalCluster  # imports ray, meanwhile

    gc.freeze()
    gc.enable()

    first = parent.first_line()
    parent.listen()
    settings = wire.settings_from_wire(first["settings"])
    log_dir = Path(first["log_dir"])
    _log_to(log_dir / "driver.log")
    LocalCluster(settings, log_dir, Path(first["ray_dir"]), parent).run()


if __name__ == "__main__":
    main()
