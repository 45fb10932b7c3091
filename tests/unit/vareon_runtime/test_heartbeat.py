"""Stamps are read as they were written, and silence is judged fairly."""

from __future__ import annotations

import os
from pathlib import Path

from vareon_runtime.heartbeat import SILENT_S, STARTING_S, SUFFIX, Beat, Heartbeat, Patience


class Hand:
    """A clock whose hand the test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


async def test_a_process_stamps_who_it_is_and_how_long_it_may_be_silent(tmp_path: Path) -> None:
    hand = Hand()
    heartbeat = Heartbeat(tmp_path / "run", "host@node", "abc", hand)
    path = tmp_path / "run" / f"host@node{SUFFIX}"
    heartbeat.start()
    try:
        assert Beat.read(path) == (os.getpid(), 100.0, STARTING_S, "abc")
        hand.now_s = 107.0
        heartbeat.expect(SILENT_S)
        assert Beat.read(path) == (os.getpid(), 107.0, SILENT_S, "abc")
    finally:
        heartbeat.stop()


def test_a_file_that_is_no_stamp_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / f"x{SUFFIX}"
    assert Beat.read(path) is None
    path.write_bytes(b"VHB1")
    assert Beat.read(path) is None
    path.write_bytes(bytes(56))
    assert Beat.read(path) is None


def test_the_judges_own_pause_does_not_count() -> None:
    hand = Hand()
    patience = Patience(0.25, hand)
    for _ in range(12):
        hand.now_s += 0.25
        patience.look()
    assert patience.silent_s(100.0) == 3.0
    hand.now_s += 60.0
    patience.look()
    assert patience.silent_s(103.0) == 0.0, "who watches may have slept as long as the watched"
    hand.now_s += 0.5
    patience.look()
    assert patience.silent_s(103.0) == 0.5
