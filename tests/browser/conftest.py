"""A browser, the system it looks at, and a model that does what a test says."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from tests.support.system import InProcessSystem
from tests.support.upstream import Upstream

CHROMIUM = shutil.which("/usr/bin/chromium") or shutil.which("chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A real Chromium; without one the test is skipped, and says so."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here: install Debian's package 'chromium' to run these tests")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        await started.close()


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """The model's server."""
    async with Upstream() as running:
        yield running


@pytest.fixture
async def system(tmp_path: Path, upstream: Upstream) -> AsyncIterator[InProcessSystem]:
    """Everything from the front door to the database, with that model connected."""
    async with InProcessSystem(tmp_path) as running:
        await running.connect_model(upstream.base_url)
        yield running
