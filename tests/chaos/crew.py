"""The processes outside of the system: clients, the ledger, and a model server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Self

WORKLOADS = ("append", "bank", "flow", "stream")
PACE_MS = 10
PATIENCE_S = 150.0


class Helper:
    """One process that says something as it begins.

    Args:
        command: What follows ``python -m``.
        quiet: Whether its complaints are of no interest, as about callers that were killed.
    """

    def __init__(self, *command: str, quiet: bool = False) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if quiet else None,
            text=True,
        )

    def order(self, **order: Any) -> None:
        """Tell it to do something."""
        stdin = self._pipe(self.process.stdin)
        stdin.write(json.dumps(order) + "\n")
        stdin.flush()

    def line(self, patience_s: float = PATIENCE_S) -> str:
        """What it says next.

        Raises:
            TimeoutError: If it says nothing in time.
        """
        said: list[str] = []
        stdout = self._pipe(self.process.stdout)
        reading = threading.Thread(target=lambda: said.append(stdout.readline()), daemon=True)
        reading.start()
        reading.join(patience_s)
        if not said or not said[0]:
            raise TimeoutError(f"{self.process.args} says nothing")
        return said[0]

    def end(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            self._pipe(pipe).close()

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe


class Crew:
    """All of them.

    Args:
        folder: Where histories go.
        workloads: Which clients work.
    """

    def __init__(self, folder: Path, workloads: Sequence[str] = WORKLOADS) -> None:
        self._folder = folder
        self.deliveries = folder / "deliveries.jsonl"
        self._clients: dict[str, Helper] = {}
        self._workloads = workloads

    def __enter__(self) -> Self:
        self._ledger = Helper("tests.chaos.ledger", str(self.deliveries))
        self._upstream = Helper("tests.support.upstream", "--pace-ms", str(PACE_MS), quiet=True)
        self.sink = self._ledger.line().strip()
        found = re.search(r"http://\S+", self._upstream.line())
        assert found is not None
        self.upstream = found[0]
        for name in self._workloads:
            self._clients[name] = Helper("tests.chaos.client", name)
        return self

    def __exit__(self, *exc: object) -> None:
        for helper in (*self._clients.values(), self._ledger, self._upstream):
            helper.end()

    def begin(self, number: int, seed: int, url: str, token: str) -> None:
        """All clients begin to work on a round's own entities."""
        for name, client in self._clients.items():
            client.order(
                do="round",
                round=number,
                seed=seed,
                url=url,
                token=token,
                sink=self.sink,
                history=str(self.history(name, number)),
            )
        for client in self._clients.values():
            client.line()

    def settle(self) -> list[str]:
        """Let them come to rest; returns the workloads that never did."""
        for client in self._clients.values():
            client.order(do="settle")
        stuck = []
        for name, client in self._clients.items():
            try:
                client.line()
            except TimeoutError:
                stuck.append(name)
        return stuck

    def histories(self, number: int) -> list[Path]:
        """What the clients wrote in a round."""
        return [self.history(name, number) for name in self._clients]

    def history(self, name: str, number: int) -> Path:
        """One workload's."""
        return self._folder / f"{number:05}-{name}.jsonl"
