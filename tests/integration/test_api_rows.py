"""Rows of the contract that no other file tries: the dashboard, and what is not there."""

from __future__ import annotations

import pytest

from tests.support.system import InProcessSystem

pytestmark = pytest.mark.usefixtures("cheap_passwords")

NOWHERE = [
    "/api/auth/google/authorize",
    "/api/auth/google/callback",
    "/api/auth/github/login/authorize",
    "/api/auth/github/callback",
    "/api/nothing",
    "/v1/nothing",
    "/ws/nothing",
    "/ws-nothing",
]


@pytest.mark.parametrize("slash", ["", "/"])
async def test_the_dashboard_is_the_administrators_own_account(
    system: InProcessSystem, slash: str
) -> None:
    """It shows a change that was made by another route; members are refused."""
    path, admin = "/api/dashboard" + slash, system.admin()
    async with admin.put("/api/users/me", json={"username": "boss"}) as response:
        assert response.status == 200, await response.text()
    async with admin.get(path) as response, admin.get("/api/users/me") as mine:
        told = await response.json()
        assert (response.status, told) == (200, await mine.json())
    assert (told["id"], told["username"]) == (system.admin_id, "boss")
    member = await system.new_user("mem")
    for client, status in ((member, 403), (system.client(), 401), (system.client("x.y.z"), 401)):
        async with client.get(path) as response:
            assert (response.status, response.content_type) == (status, "application/problem+json")


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", NOWHERE)
async def test_what_is_not_there_says_so_in_json(
    system: InProcessSystem, path: str, slash: str
) -> None:
    """To whoever is signed in and to whoever is not; never a page, never a redirect."""
    for client in (system.client(), system.admin()):
        async with client.get(path + slash, allow_redirects=False) as response:
            told = await response.json()
            assert (response.status, response.content_type) == (404, "application/problem+json")
        assert told["status"] == 404
        assert told["detail"]
