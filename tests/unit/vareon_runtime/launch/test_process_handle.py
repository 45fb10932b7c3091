"""A hold on a process, with the kernel's descriptors and without."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from tests.unit.vareon_runtime.test_heartbeat import Hand
from vareon_runtime.cluster import INSTANCE_MARK
from vareon_runtime.heartbeat import SUFFIX, Beat, Patience
from vareon_runtime.launch.freezes import LOOK_EVERY_S, FreezeWatch
from vareon_runtime.launch.process_handle import ProcessHandle
from vareon_runtime.launch.processes import ExitWatch


def _refused(pid: int) -> int:
    raise PermissionError("This sandbox does not know it.")


@pytest.fixture(params=["descriptors", "another system", "a sandbox"], autouse=True)
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "another system":
        monkeypatch.delattr(os, "pidfd_open", raising=False)
        monkeypatch.delattr(signal, "pidfd_send_signal", raising=False)
    elif request.param == "a sandbox":
        monkeypatch.setattr(os, "pidfd_open", _refused, raising=False)
    return str(request.param)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-S", "-c", "print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={INSTANCE_MARK: "mine"},
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_it_is_asked_to_end_and_seen_to(sleeper: subprocess.Popen[bytes], system: str) -> None:
    with ProcessHandle(sleeper.pid) as handle:
        assert (handle.descriptor is not None) is (system == "descriptors")
        assert not handle.ended()
        assert not handle.ended(0.06)
        handle.send(signal.SIGTERM)
        assert handle.ended(5), "before anybody has collected it"
        sleeper.wait()
        assert handle.ended()
        with pytest.raises(ProcessLookupError):
            handle.send(signal.SIGTERM)
    with pytest.raises(ProcessLookupError):
        ProcessHandle(sleeper.pid)


def test_another_process_under_its_pid_is_not_hit(
    sleeper: subprocess.Popen[bytes], system: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if system == "descriptors":
        pytest.skip("the kernel sees to that")
    with ProcessHandle(sleeper.pid) as handle:
        monkeypatch.setattr(psutil.Process, "_get_ident", lambda self: (self.pid, -1.0))
        with pytest.raises(ProcessLookupError):
            handle.send(signal.SIGKILL)
        assert handle.ended()
    assert sleeper.poll() is None


async def test_the_first_to_end_is_named(sleeper: subprocess.Popen[bytes]) -> None:
    ended: asyncio.Queue[str] = asyncio.Queue()
    watch = ExitWatch(ended.put_nowait)
    watch.add("ourselves", os.getpid())
    watch.add("sleeper", sleeper.pid)
    sleeper.kill()
    assert await asyncio.wait_for(ended.get(), 5) == "sleeper"
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == 1, "nobody is watched any more"
    watch.add("gone", sleeper.wait() and sleeper.pid)
    assert ended.get_nowait() == "gone"


def test_who_is_silent_is_killed(sleeper: subprocess.Popen[bytes], tmp_path: Path) -> None:
    hand = Hand()
    watch = FreezeWatch(tmp_path, "mine", Patience(LOOK_EVERY_S, hand))
    beat = Beat(sleeper.pid, hand.now_s, 4.5, "mine")
    (tmp_path / f"router@node{SUFFIX}").write_bytes(beat.packed())
    for _ in range(30):
        hand.now_s += LOOK_EVERY_S
        watch.look()
    assert sleeper.wait(5) == -9
