"""The first administrator is made once, however often the start is tried."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.web.fake_bus import FakeRows
from vareon_runtime.errors import Conflict, Overloaded, Unavailable
from web.services import first_run, passwords
from web.services.first_run import SYSTEM, ensure_admin, look_around, reach_host
from web.services.passwords import Passwords


class FakeBus:
    """Fails as it is told, then answers."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.asked: list[tuple[str, Any, Any]] = []

    async def ask(self, target: Any, message: Any, *, principal: Any) -> None:
        self.asked.append((str(target), message, principal))
        if self.failures:
            raise self.failures.pop(0)

    async def probe(self, timeout_s: float = 2.0) -> dict[str, Any]:
        if self.failures:
            raise self.failures.pop(0)
        return {}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cheap hashes and short waits."""
    monkeypatch.setattr(passwords, "COST", 4)
    monkeypatch.setattr(first_run, "_WAIT_S", 0.0)


async def ensured(bus: FakeBus, folder: Path) -> bool:
    pool = Passwords(threads=1)
    made = await ensure_admin(bus, pool, folder / "admin.id", folder / "password")  # type: ignore[arg-type]
    pool.close()
    return made


async def test_the_administrator_is_made_with_the_first_password(tmp_path: Path) -> None:
    """As the system, under the id that was chosen, as soon as there is a host."""
    (tmp_path / "admin.id").write_text("the-id\n")
    (tmp_path / "password").write_text("correct horse")
    bus = FakeBus(Unavailable("not yet"), Overloaded("not yet"))
    assert await ensured(bus, tmp_path) is True
    target, message, principal = bus.asked[-1]
    assert (target, principal) == ("user/the-id", SYSTEM)
    assert (message.username, message.roles) == ("admin", ("admin",))
    assert message.hashed_password.startswith("$2b$")
    assert len(bus.asked) == 3


async def test_one_that_exists_is_left_alone(tmp_path: Path) -> None:
    """And without a password file nothing is asked."""
    assert await ensured(FakeBus(), tmp_path) is False
    (tmp_path / "admin.id").write_text("the-id")
    (tmp_path / "password").write_text("correct horse")
    assert await ensured(FakeBus(Conflict("It exists.")), tmp_path) is False


async def test_it_waits_for_the_host() -> None:
    """However long that takes."""
    await reach_host(FakeBus(*[Unavailable("no")] * 5))


async def test_what_is_found_is_told() -> None:
    """With the ids of what is known already, by name."""
    seen = []

    async def discover(known: Any) -> list[Any]:
        seen.append(known)
        return [SimpleNamespace(name="Ollama", models=("a", "b"), note="")]

    rows = FakeRows([SimpleNamespace(id="p1", name="Ollama")])
    told = await look_around(rows, discover)
    assert told == [{"name": "Ollama", "models": 2, "note": ""}]
    assert seen == [{"Ollama": "p1"}]
