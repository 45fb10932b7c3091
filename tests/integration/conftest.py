"""One whole system for each test, and an upstream beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.cognisys import openai_wire
from actors.cognisys.completion import Deadlines
from tests.support.mail_server import MailServer
from tests.support.patient import Patient
from tests.support.system import InProcessSystem
from tests.support.upstream import Upstream
from web.services import passwords

ENTITIES = ("examples.counter.counter", "tests.support.patient")


@pytest.fixture(autouse=True)
def quiet_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No provider is found around here, and one that is silent is given up on soon."""
    for name in ("OPENAI_API_KEY", "OPENROUTER_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(
        openai_wire, "Deadlines", lambda: Deadlines(first_token_s=1.0, between_s=4.0)
    )


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[InProcessSystem]:
    """Host, router and front door, ready, with an entity that counts and one that waits."""
    Patient.again()
    async with InProcessSystem(tmp_path, entities=ENTITIES) as running:
        yield running


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """An OpenAI-compatible server."""
    async with Upstream() as running:
        yield running


@pytest.fixture
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of anything but how slow hashing is."""
    monkeypatch.setattr(passwords, "COST", 4)


@pytest.fixture
async def mail_server() -> AsyncIterator[MailServer]:
    """A mail server that takes everything."""
    async with MailServer() as running:
        yield running


@pytest.fixture
async def mailing(
    tmp_path: Path, mail_server: MailServer, cheap_passwords: None
) -> AsyncIterator[InProcessSystem]:
    """A system that sends its letters there."""
    options = {"smtp": mail_server.settings, "public_url": "https://vareon.example.org"}
    async with InProcessSystem(tmp_path, options=options) as running:
        yield running
