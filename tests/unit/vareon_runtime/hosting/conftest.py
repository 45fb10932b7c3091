"""A whole engine in one process, with one kind of entity."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.bench_entity import Bench, Gate
from vareon_runtime.testing import InProcessCluster


@pytest.fixture
async def gate() -> Gate:
    return Gate()


@pytest.fixture
async def cluster(tmp_path: Path, gate: Gate) -> AsyncIterator[InProcessCluster]:
    async with InProcessCluster(tmp_path, [Bench], {Gate: gate}) as running:
        yield running
