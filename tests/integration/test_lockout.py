"""Wrong passwords lock, at every front door and after a restart, and never the owner for good."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.support.system import ADMIN_PASSWORD, InProcessSystem
from web.services import passwords

NOBODY = b"$2b$04$pFw8pFlxCYLbpTfYbcvrzOVDgFX4K/.jMzpQ7pDZyGvYvsKgHr9la"


@pytest.fixture
async def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[InProcessSystem]:
    """With cheap passwords, behind a proxy on this machine."""
    monkeypatch.setattr(passwords, "COST", 4)
    monkeypatch.setattr(passwords, "_NOBODY", NOBODY)
    async with InProcessSystem(tmp_path, trusted_proxies=("127.0.0.1",)) as running:
        yield running


async def attempt(
    client: aiohttp.ClientSession, password: str, address: str, username: str = "admin"
) -> tuple[int, int]:
    """Status, and how long to wait."""
    form = {"username": username, "password": password}
    headers = {"X-Forwarded-For": address}
    async with client.post("/api/token", data=form, headers=headers) as response:
        body = await response.json()
        if response.status == 429:
            assert body["type"] == "urn:vareon:error:locked_out"
        return response.status, int(response.headers.get("Retry-After", "0"))


async def test_an_account_is_locked(system: InProcessSystem) -> None:
    """Also for its password, at both front doors and after a restart; its owner gets in."""
    client, side = system.client(), system.client(url=await system.open_side_door())
    for number in range(10):
        who = (client, side)[number % 2]
        assert await attempt(who, "wrong", "192.0.2.1") == (401, 0)
    for who in (client, side):
        status, wait_s = await attempt(who, ADMIN_PASSWORD, "192.0.2.1")
        assert status == 429
        assert 50 < wait_s <= 60
    assert (await attempt(client, ADMIN_PASSWORD, "198.51.100.1"))[0] == 200
    assert system.front_door is not None
    await system.front_door.stop()
    system.events.clear()
    await system.start_front_door()
    await system.told("ready")
    assert (await attempt(system.client(), ADMIN_PASSWORD, "192.0.2.1"))[0] == 429


async def test_an_address_is_locked(system: InProcessSystem) -> None:
    """Whatever names it tries, be there such an account or not; forged hops do not help it."""
    client = system.client()
    for number in range(10):
        name = "admin" if number == 5 else f"nobody {number}"
        assert (await attempt(client, "wrong", f"203.0.113.{number}, 192.0.2.1", name))[0] == 401
    assert (await attempt(client, ADMIN_PASSWORD, "203.0.113.77, 192.0.2.1"))[0] == 429
    assert (await attempt(client, ADMIN_PASSWORD, "192.0.2.2"))[0] == 200


async def test_a_name_that_nobody_has_is_locked_alike(system: InProcessSystem) -> None:
    """The answers do not tell it from one that somebody has."""
    client = system.client()
    found: dict[str, list[tuple[int, bool]]] = {}
    for name, address in (("admin", "192.0.2.1"), ("nobody", "192.0.2.2")):
        answers = [await attempt(client, "wrong", address, name) for _ in range(12)]
        found[name] = [(status, wait_s > 0) for status, wait_s in answers]
    assert found["admin"] == found["nobody"] == [(401, False)] * 10 + [(429, True)] * 2


async def test_no_more_are_answered_at_once_than_are_counted(system: InProcessSystem) -> None:
    """Many guesses in parallel are ten guesses."""
    client = system.client()
    answers = await asyncio.gather(
        *(attempt(client, "wrong", f"192.0.2.{number % 8}") for number in range(32))
    )
    statuses = [status for status, _ in answers]
    assert statuses.count(401) == 10
    assert statuses.count(429) == 22


async def test_failures_of_an_owner_are_forgotten(system: InProcessSystem) -> None:
    """Nine times wrong and then right, again and again."""
    client = system.client()
    for round_number in range(3):
        for _ in range(4):
            address = f"192.0.2.{round_number}"
            assert (await attempt(client, "wrong", address))[0] == 401
        assert (await attempt(client, ADMIN_PASSWORD, address))[0] == 200
