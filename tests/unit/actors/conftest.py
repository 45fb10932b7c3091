"""What the tests of entities share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.workbench import ADMIN, ANN, BOB, Workbench


@pytest.fixture
def bench() -> Iterator[Workbench]:
    """A workbench with three accounts."""
    made = Workbench()
    for principal in (ADMIN, ANN, BOB):
        made.add_user(principal)
    yield made
    made.engine.dispose()
