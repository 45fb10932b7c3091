"""Fixtures that start the real system."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.running import RunningVareon, forget

PACE_MS = 25


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


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    """A model server in a process of its own; its address."""
    command = [sys.executable, "-m", "tests.support.upstream", "--pace-ms", str(PACE_MS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        listening = re.search(r"http://\S+", process.stdout.readline())
        assert listening is not None
        yield listening[0]
        process.terminate()


@pytest.fixture(scope="module")
def connected(vareon: RunningVareon, upstream: str) -> RunningVareon:
    """The running system with that model server as its provider."""
    token = vareon.admin_token()

    def create(what: str, **fields: Any) -> str:
        status, made = vareon.request("POST", f"/api/cognisys/{what}/", fields, token)
        assert status in (200, 201), made
        return str(made["id"])

    provider = create("providers", name="paced", base_url=upstream, api_key="k")
    create("models", provider_id=provider, model_name="fake-small")
    return vareon
