"""What comes to its end though nobody waits for it."""

from __future__ import annotations

import asyncio
import logging

import pytest

from web.lasting import Lasting


class Work:
    """Waits, then ends as it is told."""

    def __init__(self, error: Exception | None = None) -> None:
        self.go, self.began, self.stopped = asyncio.Event(), asyncio.Event(), False
        self._error = error

    async def run(self) -> str:
        self.began.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.stopped = True
            raise
        if self._error is not None:
            raise self._error
        return "done"


async def test_it_returns_and_raises_what_the_work_does() -> None:
    lasting, good, bad = Lasting(), Work(), Work(KeyError("x"))
    good.go.set()
    bad.go.set()
    assert await lasting.to_its_end(good.run()) == "done"
    with pytest.raises(KeyError):
        await lasting.to_its_end(bad.run())
    assert len(lasting) == 0


async def test_a_cancellation_is_heard_when_the_work_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And an error that nobody else will hear of is in the log."""
    lasting = Lasting()
    for work in (Work(), Work(KeyError("x"))):
        request = asyncio.create_task(lasting.to_its_end(work.run()))
        await work.began.wait()
        request.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not request.done()
        assert len(lasting) == 1
        work.go.set()
        with pytest.raises(asyncio.CancelledError):
            await request
        assert not work.stopped
        assert len(lasting) == 0
    assert [record.message for record in caplog.records if record.levelno == logging.ERROR] == [
        "lasting_work_failed"
    ]


async def test_the_second_cancellation_stops_it() -> None:
    lasting, work = Lasting(), Work()
    request = asyncio.create_task(lasting.to_its_end(work.run()))
    await work.began.wait()
    for _ in range(2):
        request.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await request
    await lasting.finish(5.0)
    assert work.stopped


async def test_leaving_waits_for_it_and_then_stops_it() -> None:
    lasting, quick, slow = Lasting(), Work(), Work()
    requests = [asyncio.create_task(lasting.to_its_end(w.run())) for w in (quick, slow)]
    await slow.began.wait()
    quick.go.set()
    await lasting.finish(0.01)
    assert (quick.stopped, slow.stopped, len(lasting)) == (False, True, 0)
    assert await requests[0] == "done"
    with pytest.raises(asyncio.CancelledError):
        await requests[1]
