"""The whole document against the whole system; ``make fuzz`` asks for more."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fuzz.run import fuzz
from tests.support.system import InProcessSystem

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "3"))
TIME_S = 150.0 + 30.0 * EXAMPLES


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[InProcessSystem]:
    """Host, router and front door, with an entity of the user's own."""
    async with InProcessSystem(tmp_path, entities=("examples.counter.counter",)) as running:
        yield running


@pytest.mark.timeout(TIME_S + 60)
async def test_every_operation_does_what_the_document_says(system: InProcessSystem) -> None:
    """No failure of any check, no undeclared status, no 5xx; and the system is well afterwards."""
    status, told = await fuzz(system, EXAMPLES, TIME_S)
    assert status == 0, told[-20_000:]
    assert "Test cases:" in told, "nothing was asked"
    assert "returned only 401" not in told, "it was asked by nobody in particular"
    async with system.admin().get("/readyz") as response:
        assert response.status == 200
