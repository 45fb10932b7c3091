"""Messages that end their host's process, on a real one: others go on, and they are set aside."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.deadly_entity import Die, DieInEffect, GetHandled, Live
from tests.support.host_process import HostProcess
from vareon_runtime.errors import InternalError, Poisoned
from vareon_runtime.hosting.watchdog import EXIT_CODE
from vareon_runtime.identity import EntityId

VICTIM, OTHER = EntityId("deadly", "victim"), EntityId("deadly", "other")
PATIENCE_S = 60.0

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[HostProcess]:
    async with HostProcess(tmp_path / "data") as running:
        yield running


def rows(system: HostProcess, sql: str) -> list[Any]:
    with contextlib.closing(sqlite3.connect(system.data_dir / "vareon.db", timeout=10)) as opened:
        return opened.execute(sql).fetchall()


async def neighbours(system: HostProcess) -> int:
    """Somebody else's messages, all the while; returns how many were handled."""
    handled = 0
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            handled = await system.bus.ask(OTHER, Live(), timeout_s=PATIENCE_S)
    return handled


@pytest.mark.parametrize(("how", "code"), [("exit", 3), ("loop", EXIT_CODE)])
async def test_a_message_that_ends_its_host_is_set_aside(
    system: HostProcess, how: str, code: int
) -> None:
    """Three lives end of it and no more; its entity and the others go on."""
    message_id = system.bus.ids.message_id()
    await system.bus.ask(OTHER, Live(), timeout_s=PATIENCE_S)
    others = asyncio.create_task(neighbours(system))
    for _ in range(2):
        with pytest.raises(Poisoned):
            await system.bus.ask(VICTIM, Die(how), message_id=message_id, timeout_s=PATIENCE_S)
    assert system.exits == [code] * 3
    before = await system.bus.ask(OTHER, GetHandled())
    assert await system.bus.ask(VICTIM, Live()) == 1
    assert await system.bus.ask(OTHER, Live()) > before
    others.cancel()
    assert await others > 1
    columns = "id, source, name, code, attempts"
    assert rows(system, f"SELECT {columns} FROM dead_letters") == [
        (message_id, "ask", "Die", "poisoned", 3)
    ]
    if how == "loop":
        assert message_id.hex() in system.log_file.read_text(encoding="utf-8")


async def test_an_effect_that_ends_its_host_is_given_up(system: HostProcess) -> None:
    """Its entity is told, and its caller."""
    assert await system.bus.ask(VICTIM, DieInEffect(), timeout_s=PATIENCE_S) == "poisoned"
    assert system.exits == [3] * 3
    assert rows(system, "SELECT * FROM effects") == []
    assert rows(system, "SELECT * FROM suspects") == []


@pytest.mark.parametrize("how", ["raise", "memory"])
async def test_what_only_fails_ends_nobody(system: HostProcess, how: str) -> None:
    """An allocation that the process is not given raises, and the host goes on."""
    for _ in range(6):
        with pytest.raises(InternalError):
            await system.bus.ask(VICTIM, Die(how), timeout_s=PATIENCE_S)
    assert await system.bus.ask(OTHER, Live()) == 1
    assert system.exits == []


async def test_a_cured_message_is_redriven_once(system: HostProcess) -> None:
    from actors import names
    from actors.system.messages import RedriveDeadLetter
    from vareon_runtime.identity import as_text

    message_id = system.bus.ids.message_id()
    with pytest.raises(Poisoned):
        await system.bus.ask(VICTIM, Die("exit"), message_id=message_id, timeout_s=PATIENCE_S)
    system.deadly_file.unlink()
    letter = names.dead_letter(as_text(message_id))
    assert await system.bus.ask(letter, RedriveDeadLetter()) == "deadly/victim"
    async with asyncio.timeout(10):
        while not rows(system, "SELECT 1 FROM entities WHERE key = 'victim'"):
            await asyncio.sleep(0.02)
    assert await system.bus.ask(VICTIM, GetHandled()) == 1
    assert rows(system, "SELECT * FROM dead_letters") == []
    assert system.exits == [3] * 3
