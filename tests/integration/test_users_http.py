"""Everybody's accounts, looked after by an administrator."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from tests.integration.test_roles_http import becomes, call
from tests.support.system import ADMIN_PASSWORD, InProcessSystem


async def id_of(system: InProcessSystem, username: str) -> str:
    _, found = await call(system.admin(), "GET", f"/api/users?search={username}")
    return str(next(user["id"] for user in found if user["username"] == username))


async def signs_in(system: InProcessSystem, username: str, password: str) -> bool:
    form = {"username": username, "password": password}
    async with system.client().post("/api/token", data=form) as response:
        return response.status == 200


async def test_accounts_are_listed_page_by_page_and_by_prefix(system: InProcessSystem) -> None:
    for name in ("bea", "ben", "Carl"):
        await system.new_user(name)
    body = {"username": "dora", "password": "long enough", "email": "be_dora@example.org"}
    assert (await call(system.admin(), "POST", "/api/users", body))[0] == 201
    admin, found, path = system.admin(), [], "/api/users?limit=2"
    while path:
        async with admin.get(path) as response:
            page = await response.json()
            assert len(page) <= 2
            found += page
            path = str(response.links["next"]["url"].relative()) if response.links else ""
    assert [user["username"] for user in found] == ["admin", "bea", "ben", "Carl", "dora"]
    assert found[0]["roles"] == ["admin"]
    assert "password" not in str(found).lower()
    for search, names in (
        ("be", ["bea", "ben", "dora"]),
        ("BEA", ["bea"]),
        ("carl", ["Carl"]),
        ("be_", ["dora"]),
        ("%25", []),
        ("ea", []),
    ):
        _, some = await call(admin, "GET", f"/api/users?search={search}")
        assert [user["username"] for user in some] == names, search


async def test_one_account(system: InProcessSystem) -> None:
    await system.new_user("bea", ("viewer", "member"))
    bea = await id_of(system, "bea")
    status, user = await call(system.admin(), "GET", f"/api/users/{bea}")
    assert (status, user["username"], user["roles"]) == (200, "bea", ["member", "viewer"])
    for unknown in ("0198c0de-0000-7000-8000-000000000001", "bea"):
        assert (await call(system.admin(), "GET", f"/api/users/{unknown}"))[0] == 404
        assert (await call(system.admin(), "DELETE", f"/api/users/{unknown}"))[0] == 404
        body = {"roles": ["member"]}
        assert (await call(system.admin(), "PUT", f"/api/users/{unknown}/roles", body))[0] == 404


async def test_roles_are_given_and_taken(system: InProcessSystem) -> None:
    user = await system.new_user("bea")
    bea = await id_of(system, "bea")
    assert (await call(user, "GET", "/api/users"))[0] == 403
    body: dict[str, Any] = {"roles": ["admin"]}
    status, changed = await call(system.admin(), "PUT", f"/api/users/{bea}/roles", body)
    assert (status, changed["roles"]) == (200, ["admin"])
    assert (await call(system.admin(), "GET", f"/api/users/{bea}"))[1]["roles"] == ["admin"]
    for wrong in (["king"], [], ["member"] * 21):
        body = {"roles": wrong}
        assert (await call(system.admin(), "PUT", f"/api/users/{bea}/roles", body))[0] == 422


async def test_a_disabled_account_is_shut_out_until_it_is_enabled(
    system: InProcessSystem,
) -> None:
    user = await system.new_user("bea")
    bea = await id_of(system, "bea")
    assert await signs_in(system, "bea", "password of bea")
    status, told = await call(system.admin(), "POST", f"/api/users/{bea}/disable")
    assert (status, told["is_active"]) == (200, False)
    await becomes(user, "/api/users/me", 401)
    assert not await signs_in(system, "bea", "password of bea")
    status, told = await call(system.admin(), "POST", f"/api/users/{bea}/enable")
    assert (status, told["is_active"]) == (200, True)
    assert await signs_in(system, "bea", "password of bea")


async def test_an_administrator_sets_a_password(system: InProcessSystem) -> None:
    await system.new_user("bea")
    bea = await id_of(system, "bea")
    body = {"password": "short"}
    assert (await call(system.admin(), "PUT", f"/api/users/{bea}/password", body))[0] == 422
    body = {"password": "another one"}
    assert (await call(system.admin(), "PUT", f"/api/users/{bea}/password", body))[0] == 200
    assert not await signs_in(system, "bea", "password of bea")
    assert await signs_in(system, "bea", "another one")


async def test_a_deleted_account_is_gone_and_its_name_free(system: InProcessSystem) -> None:
    user = await system.new_user("bea")
    bea = await id_of(system, "bea")
    assert (await call(system.admin(), "DELETE", f"/api/users/{bea}"))[0] == 200
    await becomes(system.admin(), f"/api/users/{bea}", 404)
    await becomes(user, "/api/users/me", 401)
    assert not await signs_in(system, "bea", "password of bea")
    await system.new_user("bea")
    assert await id_of(system, "bea") != bea


@pytest.mark.parametrize("how", ["disable", "demote", "delete"])
async def test_the_last_active_administrator_stays(system: InProcessSystem, how: str) -> None:
    admin = system.admin()
    await system.new_user("bea", ("admin",))
    bea = await id_of(system, "bea")
    assert (await call(admin, "POST", f"/api/users/{bea}/disable"))[0] == 200
    assert (await taken(admin, system.admin_id, how))[0] == 409
    assert await signs_in(system, "admin", ADMIN_PASSWORD)
    assert (await call(admin, "POST", f"/api/users/{bea}/enable"))[0] == 200
    assert (await taken(admin, system.admin_id, how))[0] == 200


async def test_the_last_administrator_cannot_leave(system: InProcessSystem) -> None:
    """Not by their own hand either, until there is another."""
    admin, body = system.admin(), {"password": ADMIN_PASSWORD}
    assert (await call(admin, "DELETE", "/api/users/me", body))[0] == 409
    await system.new_user("bea", ("admin",))
    assert (await call(admin, "DELETE", "/api/users/me", body))[0] == 200


@pytest.mark.parametrize("how", ["disable", "demote", "delete"])
async def test_of_two_administrators_one_stays_whoever_is_first(
    system: InProcessSystem, how: str
) -> None:
    """Each would take the other, at once."""
    admin = system.admin()
    for _ in range(4):
        other = await system.new_user("bea", ("admin",))
        bea = await id_of(system, "bea")
        statuses = await asyncio.gather(taken(admin, bea, how), taken(other, system.admin_id, how))
        assert sorted(status for status, _ in statuses) in ([200, 409], [200, 401]), statuses
        if statuses[0][0] != 200:
            return
        if how != "delete":
            assert (await call(admin, "DELETE", f"/api/users/{bea}"))[0] == 200


async def taken(client: aiohttp.ClientSession, user_id: str, how: str) -> tuple[int, Any]:
    """Try to have one administrator less."""
    match how:
        case "disable":
            return await call(client, "POST", f"/api/users/{user_id}/disable")
        case "demote":
            path = f"/api/users/{user_id}/roles"
            return await call(client, "PUT", path, {"roles": ["member"]})
        case _:
            return await call(client, "DELETE", f"/api/users/{user_id}")
