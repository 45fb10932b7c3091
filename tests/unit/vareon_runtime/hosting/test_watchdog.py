"""A loop that stands still ends its process, and the log says in which message."""

from __future__ import annotations

import logging
import time

import pytest

from tests.unit.vareon_runtime.test_heartbeat import Hand
from vareon_runtime.hosting.watchdog import EXIT_CODE, Watchdog

MESSAGE = bytes(range(16))


def looks(watchdog: Watchdog, hand: Hand, seconds: float, *, beating: bool) -> None:
    for _ in range(int(seconds / 0.5)):
        hand.now_s += 0.5
        if beating:
            watchdog.beat()
        watchdog.look()


def test_a_loop_that_stands_still_is_ended_and_its_message_named(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("vareon"), "propagate", True)
    hand, ended = Hand(), list[int]()
    watchdog = Watchdog("host", lambda: (MESSAGE,), ended.append, monotonic=hand)
    looks(watchdog, hand, 30, beating=True)
    looks(watchdog, hand, 5, beating=False)
    assert ended == []
    looks(watchdog, hand, 0.5, beating=False)
    assert ended == [EXIT_CODE]
    (record,) = caplog.records
    assert record.getMessage() == "host_blocked"
    assert record.__dict__["ids"]["messages"] == [MESSAGE.hex()]


def test_a_process_that_was_stopped_as_a_whole_is_not_ended(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hand, ended = Hand(), list[int]()
    watchdog = Watchdog("host", tuple, ended.append, monotonic=hand)
    hand.now_s += 600
    watchdog.look()
    looks(watchdog, hand, 3, beating=False)
    assert ended == []


async def test_it_watches_the_loop_it_was_started_in() -> None:
    ended = list[int]()
    watchdog = Watchdog("host", tuple, ended.append, silent_s=0.2, look_every_s=0.02)
    watchdog.start()
    deadline = time.monotonic() + 5
    while not ended and time.monotonic() < deadline:
        pass
    watchdog.stop()
    assert ended == [EXIT_CODE]
