"""What was set aside is listed, shown, sent again once, and discarded."""

from __future__ import annotations

import asyncio
import sqlite3
import time
import uuid
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner

from tests.support.system import InProcessSystem
from vareon_runtime import codec
from vareon_runtime.envelope import pack_principal
from vareon_runtime.identity import Principal
from web.cli import main

PATH = "/api/system/dead-letters"


def set_aside(system: InProcessSystem, number: int, amount: int, source: str = "ask") -> str:
    """A letter to a counter of the administrator's, as the host would write it."""
    letter_id = uuid.UUID(int=number + (8 << 76) + (2 << 62))
    row = (
        letter_id.bytes,
        "counter",
        f"{system.admin_id}:a",
        source,
        "Add",
        codec.json_body(b'{"amount": %d}' % amount),
        pack_principal(Principal(system.admin_id, ("admin",))),
        "",
        bytes(16),
        "poisoned",
        "It was being handled when its host died, 3 times; it is not tried again.",
        3,
        1_700_000_000_000 + number,
        letter_id.bytes if source == "effect" else None,
        None,
    )
    connection = sqlite3.connect(system.data_dir / "vareon.db", timeout=10)
    with connection:
        connection.execute(f"INSERT INTO dead_letters VALUES ({','.join('?' * len(row))})", row)
    connection.close()
    return str(letter_id)


async def listed(client: aiohttp.ClientSession, query: str = "") -> tuple[list[Any], str | None]:
    async with client.get(PATH + query) as response:
        assert response.status == 200, await response.text()
        following = response.links.get("next")
        return await response.json(), str(following["url"].relative()) if following else None


async def total(client: aiohttp.ClientSession) -> int:
    async with client.get("/api/entities/counter/a/GetCount") as response:
        return int(await response.json()) if response.status == 200 else 0


async def status_of(client: aiohttp.ClientSession, method: str, path: str) -> int:
    async with client.request(method, path) as response:
        await response.read()
        return response.status


async def test_they_are_listed_in_pages_the_newest_first(system: InProcessSystem) -> None:
    ids = [set_aside(system, number, 1) for number in range(5)]
    admin = system.admin()
    items, following = await listed(admin, "?limit=2")
    assert [item["id"] for item in items] == [ids[4], ids[3]]
    assert following is not None
    items, following = await listed(admin, following.removeprefix(PATH))
    assert [item["id"] for item in items] == [ids[2], ids[1]]
    assert following is not None
    items, following = await listed(admin, following.removeprefix(PATH))
    assert ([item["id"] for item in items], following) == ([ids[0]], None)
    assert items[0]["entity"] == f"counter/{system.admin_id}:a"
    assert (items[0]["code"], items[0]["attempts"]) == ("poisoned", 3)
    assert items[0]["user_id"] == system.admin_id


async def test_one_is_shown_with_its_body(system: InProcessSystem) -> None:
    letter = set_aside(system, 1, 7)
    async with system.admin().get(f"{PATH}/{letter}") as response:
        shown = await response.json()
    assert shown["body"] == {"amount": 7}
    assert shown["body_cut"] is False
    assert await status_of(system.admin(), "GET", f"{PATH}/{uuid.UUID(int=9)}") == 404
    assert await status_of(system.admin(), "GET", f"{PATH}/x") == 422


async def test_redriving_applies_it_once(system: InProcessSystem) -> None:
    letter = set_aside(system, 1, 7)
    admin = system.admin()
    answers = await asyncio.gather(
        *(status_of(admin, "POST", f"{PATH}/{letter}/redrive") for _ in range(4))
    )
    assert sorted(answers) == [202, 404, 404, 404]
    assert (await listed(admin))[0] == []
    deadline = time.monotonic() + 10
    while await total(admin) != 7 and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    assert await total(admin) == 7
    assert await status_of(admin, "POST", f"{PATH}/{letter}/redrive") == 404
    assert await total(admin) == 7


async def test_discarding_removes_it(system: InProcessSystem) -> None:
    letter = set_aside(system, 1, 7)
    admin = system.admin()
    assert await status_of(admin, "DELETE", f"{PATH}/{letter}") == 200
    assert (await listed(admin))[0] == []
    assert await status_of(admin, "DELETE", f"{PATH}/{letter}") == 404
    assert await total(admin) == 0


async def test_an_effect_that_must_not_be_done_twice_says_what_to_do(
    system: InProcessSystem,
) -> None:
    letter = set_aside(system, 1, 7, source="effect")
    async with system.admin().post(f"{PATH}/{letter}/redrive") as response:
        assert response.status == 409
        assert "start a new one" in await response.text()
    assert len((await listed(system.admin()))[0]) == 1


@pytest.mark.parametrize("role", ["member", "operator"])
async def test_only_administrators_may(system: InProcessSystem, role: str) -> None:
    letter = set_aside(system, 1, 7)
    user = await system.new_user("bob", (role,))
    for method, path in (
        ("GET", PATH),
        ("GET", f"{PATH}/{letter}"),
        ("POST", f"{PATH}/{letter}/redrive"),
        ("DELETE", f"{PATH}/{letter}"),
    ):
        assert await status_of(user, method, path) == 403


async def test_from_the_command_line(system: InProcessSystem) -> None:
    first, second = set_aside(system, 1, 7), set_aside(system, 2, 1)
    token = system.tokens.issue_access(system.admin_id)

    async def said(*arguments: str) -> str:
        whole = ["dead-letters", *arguments, "--url", system.url, "--token", token]
        result = await asyncio.to_thread(CliRunner().invoke, main, whole)
        assert result.exit_code == 0, result.output
        return result.output

    shown = await said("list")
    assert shown.index(second) < shown.index(first)
    assert '"amount": 7' in await said("show", first)
    assert f"counter/{system.admin_id}:a" in await said("redrive", first)
    assert "discarded" in await said("discard", second)
    assert "no message" in await said("list")
