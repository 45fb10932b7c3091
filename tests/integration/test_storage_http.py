"""An operator sees what is stored, over HTTP and by ``vareon status``."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from tests.support.system import InProcessSystem
from vareon_runtime.errors import StoreFailed
from vareon_runtime.launch import running
from vareon_runtime.launch.instance_lock import InstanceLock
from web.cli import main
from web.services.storage import Storage

STORAGE = "/api/system/storage"
LINE = r"    (\w[\w ]*?) +([\d,]+) rows +([\d.,]+) MB"


async def test_rows_and_bytes_are_shown_to_those_who_run_the_system(
    system: InProcessSystem,
) -> None:
    async with system.admin() as admin, admin.get(STORAGE) as answer:
        assert answer.status == 200
        used = await answer.json()
    families = {family["family"]: family for family in used["families"]}
    assert families["entities"]["rows"] >= 1
    assert families["inbox"]["bytes"] > 0
    assert used["file_bytes"] > 0
    async with await system.new_user("ann") as member, member.get(STORAGE) as answer:
        assert answer.status == 403
    async with system.client() as nobody, nobody.get(STORAGE) as answer:
        assert answer.status == 401


@pytest.fixture
def recorded(system: InProcessSystem) -> Iterator[InProcessSystem]:
    """The system as the command line finds it: with its parent's lock and record."""
    lock = InstanceLock.take(system.data_dir)
    record = running.Running(os.getpid(), system.url, "here", "")
    running.write(system.settings, record)
    yield system
    lock.release()


async def status(system: InProcessSystem) -> tuple[int, list[str]]:
    """What ``vareon status`` says of it."""
    arguments = ["status", "--data-dir", str(system.data_dir)]
    result = await asyncio.to_thread(CliRunner().invoke, main, arguments)
    return result.exit_code, result.output.splitlines()


async def test_the_command_shows_what_the_route_tells(recorded: InProcessSystem) -> None:
    """The file, its log, and a line for each family: the largest first, all that is there."""
    code, lines = await status(recorded)
    async with recorded.admin().get(STORAGE) as answer:
        used = await answer.json()
    assert (code, lines[0]) == (0, "ready")
    first = next(n for n, line in enumerate(lines) if line.startswith("  stored "))
    found = re.fullmatch(r"  stored +([\d.]+) MB, log ([\d.]+) MB", lines[first])
    assert found is not None, lines[first]
    assert float(found[1]) == round(used["file_bytes"] / 1e6, 1)
    shown = [re.fullmatch(LINE, line) for line in lines[first + 1 :]]
    assert [(m[1], int(m[2].replace(",", "")), float(m[3])) for m in shown if m] == [
        (family["family"], family["rows"], round(family["bytes"] / 1e6, 1))
        for family in used["families"]
    ]
    assert None not in shown
    sizes = [family["bytes"] for family in used["families"]]
    assert sizes == sorted(sizes, reverse=True)
    assert {"entities", "inbox", "messages", "effects", "hosts", "product"} <= {
        m[1] for m in shown if m
    }


async def test_whoever_may_not_know_is_told_the_rest(recorded: InProcessSystem) -> None:
    """Without this machine's key, which another user of it cannot read, there is no such line."""
    recorded.settings.jwt_key_file.rename(recorded.data_dir / "away")
    code, lines = await status(recorded)
    assert (code, lines[0]) == (0, "ready")
    assert not [line for line in lines if "stored" in line or "rows" in line]
    assert [line for line in lines if line.endswith(f" {recorded.url}/")]


async def test_a_file_that_cannot_be_measured_does_not_hide_the_rest(
    recorded: InProcessSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_storage: Storage) -> dict[str, Any]:
        raise StoreFailed("The database cannot be read right now; try again.", 2.0)

    monkeypatch.setattr(Storage, "used", broken)
    async with recorded.admin().get(STORAGE) as answer:
        assert (answer.status, "Retry-After" in answer.headers) == (503, True)
    code, lines = await status(recorded)
    assert (code, lines[0]) == (0, "ready")
    assert not [line for line in lines if "stored" in line]
