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


def provider(name: str, models: int, **changes: Any) -> SimpleNamespace:
    """A row as the query for providers returns it."""
    fields = {"id": f"id of {name}", "name": name, "base_url": f"http://{name}", "enabled": True}
    return SimpleNamespace(**{**fields, "models": models, **changes})


def found(name: str, note: str = "") -> SimpleNamespace:
    """What discovery found."""
    return SimpleNamespace(name=name, base_url=f"http://{name}", note=note)


async def told(before: list[Any], after: list[Any], *discovered: Any) -> tuple[Any, Any]:
    """What discovery was given, and what the terminal is told."""
    rows = FakeRows(before)
    seen: list[Any] = []

    async def discover(known: Any) -> list[Any]:
        seen.append(dict(known))
        rows.found = after
        return list(discovered)

    return await look_around(rows, discover), seen[0]


async def test_what_answers_is_told_whether_or_not_it_was_found_just_now() -> None:
    """Not what is switched off, nor what has no model in use."""
    connected = provider("mine", 2)
    others = [provider("off", 3, enabled=False), provider("empty", 0)]
    said, _ = await told([connected], [connected, *others, provider("Ollama", 1)], found("Ollama"))
    assert said == [
        {"name": "mine", "models": 2, "note": ""},
        {"name": "Ollama", "models": 1, "note": ""},
    ]


async def test_what_is_in_the_way_is_told_beside_it() -> None:
    """Of one that answers with the models it had, and of one that has none."""
    renamed = provider("renamed", 4, base_url="http://OpenAI")
    said, _ = await told(
        [renamed], [renamed], found("OpenAI", "offline"), found("OpenRouter", "bad key")
    )
    assert said == [
        {"name": "renamed", "models": 4, "note": "offline"},
        {"name": "OpenRouter", "models": 0, "note": "bad key"},
    ]


async def test_known_providers_are_known_by_name_and_by_address() -> None:
    """So that a renamed one is not offered again; of two at one address, the older is meant."""
    rows = [
        provider("first", 1, base_url="http://a"),
        provider("second", 1, base_url="http://a"),
    ]
    _, known = await told(rows, rows)
    assert known == {
        "first": "id of first",
        "second": "id of second",
        "http://a": "id of first",
    }


async def test_hundreds_of_providers_are_summed_up() -> None:
    """What is told is one short line."""
    rows = [provider(f"p{number}", 2) for number in range(100)]
    said, _ = await told(rows, rows)
    assert len(said) == 21
    assert said[-1] == {"name": "80 more", "models": 160, "note": ""}
