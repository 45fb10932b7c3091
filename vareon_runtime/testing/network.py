"""Links between simulated processes: they delay, stall and break, and lose what real ones lose.

A wire is a stream: what arrives, arrives in order and once. A link that breaks may lose whatever
was under way in either direction, and each side learns of it at a time of its own.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Any

from vareon_runtime.testing.virtual_loop import Process, VirtualLoop

WINDOW = 64
"""Batches under way in one direction before a sender has to wait."""
APART_S = 1e-9
"""Between the arrivals of two batches of one wire, at least."""
Heard = Callable[[str, str, bytes], None]
"""Told of every batch that arrives: from, to, batch."""


class Pipe:
    """One direction of a wire."""

    def __init__(self, network: Network, source: str, target: str) -> None:
        self.source = source
        self.target = target
        self.stalled = False
        self.broken = False
        """Whether nothing more may be put in."""
        self._lossy = False
        self._network = network
        self._arrived: deque[bytes | None] = deque()
        self._parked: deque[bytes | None] = deque()
        self._last_s = 0.0
        self._under_way = 0
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None

    async def put(self, batch: bytes) -> None:
        """Send; waits while the window is full.

        Raises:
            ConnectionError: If it is broken.
        """
        while not self.broken and self._under_way >= WINDOW:
            self._writer = asyncio.get_running_loop().create_future()
            await self._writer
        if self.broken:
            raise ConnectionError("the other side is gone")
        self._under_way += 1
        self._later(batch)

    async def get(self) -> bytes | None:
        """The next batch; None at the end."""
        while not self._arrived:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        batch = self._arrived.popleft()
        self._under_way -= 1
        _wake(self._writer)
        if batch is None:
            self._arrived.append(None)
        return batch

    def end(self, *, lose: bool) -> None:
        """Nothing more comes; what is under way is lost or arrives before the end."""
        if self.broken:
            return
        self.broken = True
        _wake(self._writer)
        if lose:
            self._lossy = True
            self._parked.clear()
            self._last_s = 0.0
        self._later(None)

    def heal(self) -> None:
        """Let what was stalled arrive."""
        self.stalled = False
        parked, self._parked = self._parked, deque()
        for batch in parked:
            self._arrive(batch)

    def _later(self, batch: bytes | None) -> None:
        loop = self._network.loop
        # Timers of the same moment go off in any order, so no two batches have the same.
        at = max(self._last_s + APART_S, loop.time() + self._network.delay_s())
        self._last_s = at
        loop.call_at(at, self._arrive, batch, context=self._network.context)

    def _arrive(self, batch: bytes | None) -> None:
        if self._lossy and batch is not None:
            return
        if self.stalled:
            self._parked.append(batch)
            return
        if batch is not None and self._network.heard is not None:
            self._network.heard(self.source, self.target, batch)
        self._arrived.append(batch)
        _wake(self._reader)


class SimWire:
    """One end of a wire. See `vareon_runtime.routing.link.Wire`."""

    def __init__(self, outgoing: Pipe, incoming: Pipe) -> None:
        self._outgoing = outgoing
        self._incoming = incoming

    async def send(self, batch: bytes) -> None:
        """Write one batch.

        Raises:
            ConnectionError: If either side has hung up.
        """
        await self._outgoing.put(batch)

    async def receive(self) -> bytes | None:
        """The next batch, or None at the end."""
        return await self._incoming.get()

    async def close(self) -> None:
        """Hang up; what was sent still arrives."""
        self._outgoing.end(lose=False)
        self._incoming.end(lose=True)


class Network:
    """Every wire of a simulation.

    Attributes:
        heard: Told of every batch that arrives, for the message history.
    """

    def __init__(self, loop: VirtualLoop, rng: random.Random) -> None:
        self.loop = loop
        self.heard: Heard | None = None
        self._rng = rng
        self._blocked: set[tuple[str, str]] = set()
        self._pipes: list[Pipe] = []
        self.context: Any = Process(loop, "network").context

    def connect(self, near: str, far: str) -> tuple[SimWire, SimWire]:
        """A new wire between two processes, and its two ends.

        Raises:
            ConnectionError: If nothing gets through now.
        """
        if (near, far) in self._blocked or (far, near) in self._blocked:
            raise ConnectionError("nothing gets through")
        out, back = Pipe(self, near, far), Pipe(self, far, near)
        self._pipes = [pipe for pipe in self._pipes if pipe.stalled or not pipe.broken]
        self._pipes += [out, back]
        return SimWire(out, back), SimWire(back, out)

    def connected(self, name: str) -> bool:
        """Whether a process has a wire."""
        return any(not p.broken and name in (p.source, p.target) for p in self._pipes)

    def block(self, source: str, target: str) -> None:
        """Let nothing arrive that way, and no new wire be made."""
        self._blocked.add((source, target))
        for pipe in self._between(source, target):
            pipe.stalled = True

    def unblock(self, source: str, target: str, *, reset: bool) -> None:
        """End a `block`: what was stalled arrives, or the wire turns out to be broken."""
        self._blocked.discard((source, target))
        for pipe in self._between(source, target):
            if reset:
                self.cut(source, lose=True)
            pipe.heal()

    def cut(self, name: str, *, lose: bool) -> None:
        """Break a process's wires."""
        for pipe in self._pipes:
            if name in (pipe.source, pipe.target):
                pipe.end(lose=lose)

    def heal(self) -> None:
        """End every `block`."""
        self._blocked.clear()
        for pipe in self._pipes:
            pipe.heal()

    def delay_s(self) -> float:
        """How long the next batch takes: mostly little, now and then long."""
        if self._rng.random() < 0.02:
            return self._rng.uniform(0.005, 0.08)
        return self._rng.uniform(0.00005, 0.001)

    def _between(self, source: str, target: str) -> list[Pipe]:
        return [p for p in self._pipes if (p.source, p.target) == (source, target)]


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
