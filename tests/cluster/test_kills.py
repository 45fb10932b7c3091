"""``kill -9`` of what holds the system together."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.running import RunningVareon, wait_for

Record = Callable[[str, object], None]

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]


@pytest.mark.parametrize("role", ["raylet", "gcs_server"])
def test_ray_side_comes_back(vareon: RunningVareon, role: str, record_property: Record) -> None:
    """The parent answers the port meanwhile, ends every old process, and starts Ray anew."""
    before = {process.pid for process in vareon.processes()}
    vareon.kill(role)
    wait_for(lambda: vareon.get("/readyz")[0] == 503, 10)
    assert vareon.get("/livez")[0] == 200
    record_property("back_s", round(vareon.wait_until_ready(60), 1))
    assert before.isdisjoint(process.pid for process in vareon.processes())


def test_parent_killed(data_dir: Path, record_property: Record) -> None:
    """Nothing outlives it for long, and the next start succeeds on the same data dir."""
    vareon = RunningVareon(data_dir)
    vareon.start()
    try:
        assert vareon.process is not None
        os.kill(vareon.process.pid, signal.SIGKILL)
        record_property("gone_s", round(vareon.none_left(10), 1))
        vareon.ended()
        vareon.start()
        assert vareon.get("/readyz")[0] == 200
    finally:
        vareon.stop()


def test_parent_and_driver_killed(data_dir: Path, record_property: Record) -> None:
    """With nobody left to clean up, the next start does it: it ends what the old one left."""
    vareon = RunningVareon(data_dir)
    vareon.start()
    first = vareon.instance
    try:
        assert vareon.process is not None
        driver = next(
            p for p in vareon.processes() if "vareon_runtime.cluster.driver" in p.cmdline()
        )
        os.kill(vareon.process.pid, signal.SIGKILL)
        driver.kill()
        vareon.process.wait()
        vareon.start()
        assert vareon.instance != first
        second, vareon.instance = vareon.instance, first
        assert vareon.processes() == []
        vareon.instance = second
    finally:
        vareon.stop()


def test_stopping_while_starting(data_dir: Path) -> None:
    """A change of mind in the middle of the start leaves nothing."""
    vareon = RunningVareon(data_dir)
    vareon.start(wait=False)
    vareon.printed("database ready")
    assert vareon.stop() == 0
    vareon.none_left(5)
