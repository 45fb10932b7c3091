"""A process that is frozen is ended and replaced, and the streams of its callers go on."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.running import ROLES, RunningVareon
from tests.support.streaming_workload import Workload

Record = Callable[[str, object], None]

ALL_WELL_WITHIN_S = 7.0
AFTERWARDS = 3

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]


@pytest.mark.parametrize("role", ROLES)
async def test_a_frozen_process_is_replaced(
    connected: RunningVareon, role: str, record_property: Record, capsys: Any
) -> None:
    """SIGSTOP while answers stream: nothing is lost, and new turns are through in time."""
    async with Workload(connected.base_url, connected.admin_token()) as workload:
        pid = await asyncio.to_thread(connected.replaced, role, 0)
        await workload.more_turns(AFTERWARDS)  # so that the onlookers look on
        await workload.streaming(at_least=2)
        os.kill(pid, signal.SIGSTOP)
        frozen = time.monotonic()
        try:
            await asyncio.to_thread(connected.replaced, role, pid)
            took_s = await workload.probe(frozen)
        finally:
            _thaw(pid)
        await workload.more_turns(AFTERWARDS)
        await workload.finish()
        turns = await workload.judge()
    record_property("all_well_s", round(took_s, 2))
    with capsys.disabled():
        print(f"\n{role} frozen: all well after {took_s:.1f} s; {turns} turns")  # noqa: T201
    assert took_s < ALL_WELL_WITHIN_S


def _thaw(pid: int) -> None:
    """Leave nothing stopped behind, should the test fail."""
    try:
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        return
