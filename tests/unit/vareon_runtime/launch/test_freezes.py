"""Who shows no sign of life is killed, and nobody else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.vareon_runtime.test_heartbeat import Hand
from vareon_runtime.cluster import INSTANCE_MARK
from vareon_runtime.heartbeat import SUFFIX, Beat, Patience
from vareon_runtime.launch.freezes import LOOK_EVERY_S, FreezeWatch


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process of the start called ``mine``."""
    with subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={INSTANCE_MARK: "mine"},
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def watch(tmp_path: Path, hand: Hand) -> FreezeWatch:
    return FreezeWatch(tmp_path, "mine", Patience(LOOK_EVERY_S, hand))


def stamp(folder: Path, hand: Hand, pid: int, mark: str = "mine", silent_s: float = 4.5) -> None:
    """What the process of this pid would stamp just now."""
    beat = Beat(pid, hand.now_s, silent_s, mark)
    (folder / f"router@node{SUFFIX}").write_bytes(beat.packed())


def look_for(watch: FreezeWatch, hand: Hand, seconds: float) -> None:
    for _ in range(int(seconds / LOOK_EVERY_S)):
        hand.now_s += LOOK_EVERY_S
        watch.look()


def test_a_silent_process_is_killed_once(
    tmp_path: Path, hand: Hand, sleeper: subprocess.Popen[bytes]
) -> None:
    killed: list[tuple[str, int]] = []
    patience = Patience(LOOK_EVERY_S, hand)
    watch = FreezeWatch(tmp_path, "mine", patience, lambda name, pid: killed.append((name, pid)))
    stamp(tmp_path, hand, sleeper.pid)
    look_for(watch, hand, 4.5)
    assert sleeper.poll() is None
    look_for(watch, hand, 3)
    assert sleeper.wait(5) == -9
    assert killed == [("router@node", sleeper.pid)]


def test_one_that_stamps_lives(
    tmp_path: Path, hand: Hand, watch: FreezeWatch, sleeper: subprocess.Popen[bytes]
) -> None:
    for _ in range(10):
        stamp(tmp_path, hand, sleeper.pid)
        look_for(watch, hand, 2)
    assert sleeper.poll() is None


def test_one_that_starts_has_more_time(
    tmp_path: Path, hand: Hand, watch: FreezeWatch, sleeper: subprocess.Popen[bytes]
) -> None:
    stamp(tmp_path, hand, sleeper.pid, silent_s=60)
    look_for(watch, hand, 59)
    assert sleeper.poll() is None


@pytest.mark.parametrize("stamped", ["mine", "another"])
def test_a_pid_that_means_another_process_by_now_is_left_alone(
    tmp_path: Path, hand: Hand, stamped: str
) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        watch = FreezeWatch(tmp_path, "mine", Patience(LOOK_EVERY_S, hand))
        stamp(tmp_path, hand, stranger.pid, stamped)
        look_for(watch, hand, 10)
        assert stranger.poll() is None
        stranger.communicate(b"\n")
        assert stranger.returncode == 0, "it was not even asked to end"


def test_nobody_is_killed_for_a_pause_of_the_watch(
    tmp_path: Path, hand: Hand, watch: FreezeWatch, sleeper: subprocess.Popen[bytes]
) -> None:
    stamp(tmp_path, hand, sleeper.pid)
    hand.now_s += 3600
    watch.look()
    look_for(watch, hand, 3)
    stamp(tmp_path, hand, sleeper.pid)
    look_for(watch, hand, 4)
    assert sleeper.poll() is None
