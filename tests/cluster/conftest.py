"""Fixtures that start the real system."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.running import RunningVareon, forget


@pytest.fixture(scope="module")
def vareon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVareon]:
    """One running system for all tests of a module."""
    with RunningVareon(tmp_path_factory.mktemp("vareon") / "data") as running:
        yield running
        running.stop()
        running.none_left(10)
        running.forget()


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A data dir that does not exist yet."""
    chosen = tmp_path / "data"
    yield chosen
    forget(chosen)
