"""Who is let in when too many come, and when the others may come again."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from tests.unit.web.fake_bus import FakeBus, FakeSystem
from vareon_runtime.clock import SystemClock
from web import admission as admission_module
from web.admission import FEWEST_SHORT, LATE_S, LONGEST_WAIT_S, MOST_SHORT, Admission

COUNTER = "/api/entities/counter/mine/Add"


class HeldBus(FakeBus):
    """Answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.waiting = 0
        self.reached = asyncio.Condition()

    async def ask_json(self, *arguments: Any, **options: Any) -> bytes:
        async with self.reached:
            self.waiting += 1
            self.reached.notify_all()
        await self.go.wait()
        return b"{}"


async def test_a_busy_front_door_refuses_at_once_and_tells_how_it_is(
    aiohttp_client: Any, monkeypatch: Any
) -> None:
    """429 for whoever has a share, while the vital routes are answered."""
    monkeypatch.setattr(admission_module, "MOST_SHORT", 6)
    bus = HeldBus()
    system = FakeSystem(bus)
    client = await aiohttp_client(system.app)
    held = [
        asyncio.create_task(client.post(COUNTER, json={}, headers=system.bearer)) for _ in range(3)
    ]
    async with bus.reached:
        await bus.reached.wait_for(lambda: bus.waiting == 3)
    async with client.post(COUNTER, json={}, headers=system.bearer) as response:
        assert response.status == 429
        assert 1 <= int(response.headers["Retry-After"]) <= LONGEST_WAIT_S
    for path in ("/livez", "/readyz", "/health"):
        async with client.get(path) as response:
            assert response.status == 200
    bus.go.set()
    assert [response.status for response in await asyncio.gather(*held)] == [200] * 3
    async with client.post(COUNTER, json={}, headers=system.bearer) as response:
        assert response.status == 200


def test_a_late_loop_lets_in_fewer_and_then_more_again() -> None:
    """Never so few that what is behind it runs dry."""
    admission = Admission(SystemClock(), random.Random(1))
    shares = admission._short
    admission.adapt(LATE_S * 2)
    assert shares.limit < MOST_SHORT
    for _ in range(50):
        admission.adapt(LATE_S * 2)
    assert shares.limit == FEWEST_SHORT
    admission.adapt(LATE_S * 0.75)
    assert shares.limit == FEWEST_SHORT
    for _ in range(100):
        admission.adapt(0.0)
    assert shares.limit == MOST_SHORT


def test_the_more_are_turned_away_the_later_they_come_and_never_together() -> None:
    admission = Admission(SystemClock(), random.Random(1))
    with admission.admitted("a", waits=False):
        pass
    waits = [admission.come_again_s(None) for _ in range(200)]
    assert min(waits) >= 1
    assert max(waits) == LONGEST_WAIT_S
    assert len(set(waits)) > 15
    assert max(waits[:2]) < 18
    assert admission.come_again_s(5.0) >= 5
