"""A short mix of chaos; the long one is ``make chaos``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import record
from tests.chaos.arena import Arena
from tests.chaos.faults import QUICK, schedule

ROUNDS = 12
SEED = 3

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]


def test_killed_while_others_work(
    tmp_path: Path, record_property: Callable[[str, object], None], capsys: Any
) -> None:
    """Host, router and front door, twelve kills: nothing is lost, doubled, reordered or stale."""
    with Arena(tmp_path, SEED) as arena:
        lines = [verdict.line() for verdict in arena.run(schedule(ROUNDS, QUICK))]
        left = arena.end()
    with capsys.disabled():
        print(f"\n{record.summary(lines)}")  # noqa: T201
    record_property("rounds", lines)
    assert [*record.shortcomings(lines), *left] == []
