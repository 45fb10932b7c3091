"""Callers that do not wait for each other; a process of their own.

``python -m benchmarks.overload_callers FILE``: reads a plan as JSON, runs it, prints what came of
it. Each caller sends at its own rate whether it was answered or not (open loop), on as many
connections as that takes, up to a few. One that honours ``Retry-After`` sends nothing until then.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import uvloop

CONNECTIONS_EACH = 2
TICK_S = 0.002
LAST_ANSWERS_S = 3.0
_LARGE = json.dumps({"text": "x" * 64 * 1024})
_ONE_IN = 10


@dataclass(frozen=True, slots=True)
class Group:
    """Callers of one tenant."""

    tenant: str
    token: str
    callers: int
    each_per_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send, and for how long.

    Attributes:
        come_within_s: The callers begin one after another within this time.
    """

    port: int
    seconds: float
    come_within_s: float
    groups: tuple[Group, ...]


@dataclass(slots=True)
class Found:
    """What one tenant's callers saw; latencies in seconds."""

    accepted: list[float] = field(default_factory=list)
    rejected: list[float] = field(default_factory=list)
    waits: list[int] = field(default_factory=list)
    odd: dict[str, int] = field(default_factory=dict)
    unsent: int = 0


class Line(asyncio.Protocol):
    """One keep-alive connection of a caller's."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._buffer = b""
        self._sent_at = 0.0
        self.busy = True
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready."""
        self.transport = transport  # type: ignore[assignment]
        self.busy = False

    def send(self, request: bytes) -> None:
        """One request; the answer goes to the caller."""
        self.busy = True
        self._sent_at = time.perf_counter()
        if self.transport is not None:
            self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Read an answer."""
        self._buffer += data
        head, blank, body = self._buffer.partition(b"\r\n\r\n")
        if not blank:
            return
        lowered = head.lower()
        if len(body) < int(_header(lowered, b"content-length:")):
            return
        self._buffer = b""
        self.busy = False
        self._caller.answered(lowered, time.perf_counter() - self._sent_at)

    def connection_lost(self, error: Exception | None) -> None:
        """The system hung up."""
        self._caller.lost(self)


class Caller:
    """Sends at its rate."""

    def __init__(self, group: Group, number: int, plan: Plan, rng: random.Random) -> None:
        self.honours = number % _ONE_IN != 0
        self._port = plan.port
        self._rng = rng
        self._every_s = 1 / group.each_per_s
        self.due = time.perf_counter() + rng.random() * plan.come_within_s
        self._lines: list[Line] = []
        self._opening = False
        self._openings: list[asyncio.Future[None]] = []
        self.found = Found()
        path = f"/api/entities/tally/{number}"
        self._small = _request(path + "/Add", group.token, '{"by":1}')
        self._large = _request(path + "/Weigh", group.token, _LARGE)

    def tick(self, now: float) -> None:
        """Send what is due."""
        while self.due <= now:
            self.due += self._every_s
            line = next((line for line in self._lines if not line.busy), None)
            if line is not None:
                line.send(self._large if self._rng.randrange(_ONE_IN) == 0 else self._small)
                continue
            self.found.unsent += 1
            if len(self._lines) < CONNECTIONS_EACH and not self._opening:
                self._opening = True
                self._openings.append(asyncio.ensure_future(self._open()))

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, line = await loop.create_connection(lambda: Line(self), "127.0.0.1", self._port)
            self._lines.append(line)
        except OSError as error:
            self._odd(type(error).__name__)
        finally:
            self._opening = False

    def answered(self, head: bytes, took_s: float) -> None:
        """Note an answer, and wait if it says so."""
        status = head[9:12]
        if status == b"200":
            self.found.accepted.append(took_s)
        elif status in (b"429", b"503"):
            wait_s = int(_header(head, b"retry-after:"))
            self.found.rejected.append(took_s)
            self.found.waits.append(wait_s)
            if self.honours:
                # Whole seconds would bring them back in step.
                later_s = wait_s + self._rng.random()
                self.due = max(self.due, time.perf_counter() + later_s)
        else:
            self._odd(status.decode())

    def lost(self, line: Line) -> None:
        """A connection is gone."""
        if line in self._lines:
            self._lines.remove(line)
        if line.busy:
            self._odd("lost")

    def close(self) -> None:
        """Hang up."""
        for line in list(self._lines):
            line.busy = False
            if line.transport is not None:
                line.transport.abort()

    def _odd(self, what: str) -> None:
        self.found.odd[what] = self.found.odd.get(what, 0) + 1


def _header(head: bytes, name: bytes) -> bytes:
    return head[head.index(name) + len(name) :].partition(b"\r\n")[0].strip()


def _request(path: str, token: str, body: str) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def run(plan: Plan) -> dict[str, Found]:
    """What each tenant saw."""
    rng = random.Random(1)
    callers: list[tuple[str, Caller]] = []
    for group in plan.groups:
        for _ in range(group.callers):
            callers.append((group.tenant, Caller(group, len(callers) + 1, plan, rng)))
    ends = time.perf_counter() + plan.seconds
    while (now := time.perf_counter()) < ends:
        for _, caller in callers:
            caller.tick(now)
        await asyncio.sleep(TICK_S)
    await asyncio.sleep(LAST_ANSWERS_S)
    found: dict[str, Found] = {}
    for tenant, caller in callers:
        caller.close()
        into = found.setdefault(tenant, Found())
        into.accepted += caller.found.accepted
        into.rejected += caller.found.rejected
        into.waits += caller.found.waits
        into.unsent += caller.found.unsent
        for what, count in caller.found.odd.items():
            into.odd[what] = into.odd.get(what, 0) + count
    return found


def main() -> None:
    """Entry of that process."""
    raw = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    plan = Plan(
        raw["port"],
        raw["seconds"],
        raw["come_within_s"],
        tuple(Group(**group) for group in raw["groups"]),
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(run(plan))
    print(json.dumps({tenant: asdict(one) for tenant, one in found.items()}))


if __name__ == "__main__":
    main()
