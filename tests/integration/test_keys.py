"""Personal keys and one-use tickets, over HTTP and WebSocket."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from tests.support.system import InProcessSystem

CHAT = "/ws/chat/0198c0de-0000-7000-8000-000000000001"


async def made(
    client: aiohttp.ClientSession, headers: dict[str, str] | None = None, **body: Any
) -> dict[str, Any]:
    asked = {"name": "laptop", **body}
    async with client.post("/api/keys", json=asked, headers=headers) as response:
        assert response.status == 201, await response.text()
        assert response.headers["Cache-Control"] == "no-store"
        found: dict[str, Any] = await response.json()
        return found


async def listed(client: aiohttp.ClientSession) -> list[dict[str, Any]]:
    async with client.get("/api/keys") as response:
        found: list[dict[str, Any]] = await response.json()
        return found


async def status(client: aiohttp.ClientSession, path: str = "/api/users/me") -> int:
    async with client.get(path) as response:
        return response.status


async def refused(client: aiohttp.ClientSession, **options: Any) -> int:
    with pytest.raises(aiohttp.WSServerHandshakeError) as error:
        await client.ws_connect(CHAT, **options)
    return error.value.status


async def test_a_key_signs_in_until_it_is_deleted(system: InProcessSystem) -> None:
    """On HTTP and WebSocket; its sockets close too, at another front door."""
    ann = await system.new_user("ann")
    key = await made(ann)
    assert key["key"].startswith("vk_")
    assert key["key"].startswith(key["shown"])
    by_key = system.client(key["key"], url=await system.open_side_door())
    assert await status(by_key) == 200
    sockets = [
        await by_key.ws_connect(CHAT),
        await system.client().ws_connect(CHAT, protocols=("vareon.v1", f"bearer.{key['key']}")),
    ]
    assert await refused(system.client(), params={"token": key["key"]}) == 401
    async with asyncio.timeout(5):
        while (shown := (await listed(ann))[0])["last_used_at"] is None:
            await asyncio.sleep(0.01)
    assert key["key"] not in str(shown)
    bea = await system.new_user("bea")
    for who, where in ((bea, key["id"]), (ann, "nonsense")):
        async with who.delete(f"/api/keys/{where}") as response:
            assert response.status == 404
    async with ann.delete(f"/api/keys/{key['id']}") as response:
        assert await response.json() == {"message": "Key deleted", "ok": True}
    for socket in sockets:
        await socket.receive(timeout=5)
        assert socket.close_code == 4401
    assert await status(system.client(key["key"])) == 401
    assert await listed(ann) == []


async def test_a_key_is_good_for_its_scope_only(system: InProcessSystem) -> None:
    """An administrator's narrow key is no administrator's, and cannot make a wider one."""
    admin = system.admin()
    narrow = await made(admin, permissions=["accounts:read", "accounts:keys"])
    by_key = system.client(narrow["key"])
    async with by_key.get("/api/users/me") as response:
        me = await response.json()
    assert (me["roles"], me["permissions"]) == ([], ["accounts:keys", "accounts:read"])
    assert await status(by_key, "/api/chat/conversations") == 403
    assert await status(by_key, "/api/system/dead-letters") == 403
    for permissions, code in (
        (["arcana:chat"], 403),
        (["no:such"], 422),
        ([], 422),
        (["accounts:read"], 201),
    ):
        body = {"name": "wider", "permissions": permissions}
        async with by_key.post("/api/keys", json=body) as response:
            assert response.status == code, permissions
    async with by_key.post("/api/logout?everywhere=true") as response:
        assert response.status == 403
    whole = system.client((await made(admin))["key"])
    async with whole.get("/api/users/me") as response:
        assert [role["name"] for role in (await response.json())["roles"]] == ["admin"]


@pytest.mark.parametrize("days", [0, 367, -1, "soon", 1.5])
async def test_keys_expire(system: InProcessSystem, days: Any) -> None:
    """After 90 days unless something else is said, never later than in a year."""
    admin = system.admin()
    async with admin.post("/api/keys", json={"name": "x", "expires_in_days": days}) as response:
        assert response.status == 422
    assert await listed(admin) == []


@pytest.mark.parametrize("key", ["vk_", "vk_" + "A" * 64, "vk_" + "A" * 63 + "=", "vk_" + "é" * 64])
async def test_other_keys_are_refused(system: InProcessSystem, key: str) -> None:
    """As any other token that is not ours."""
    client = system.client(headers={"Authorization": f"Bearer {key}"})
    assert await status(client) == 401


async def test_a_repeated_request_gives_the_same_key(system: InProcessSystem) -> None:
    """And its text is stored nowhere."""
    admin = system.admin()
    headers = {"Idempotency-Key": "make me a key"}
    once, again = await made(admin, headers), await made(admin, headers)
    assert once == again
    assert len(await listed(admin)) == 1
    assert await status(system.client(once["key"])) == 200
    other = await made(admin, {"Idempotency-Key": "another"})
    assert other["key"] != once["key"]
    secret = once["key"][-40:].encode()
    for file in system.data_dir.rglob("*"):
        if file.is_file():
            assert secret not in file.read_bytes(), file


async def test_a_ticket_opens_one_socket(system: InProcessSystem) -> None:
    """At either front door, and only one; it is no token for anything else."""
    ann = await system.new_user("ann")
    sides = [system.client(), system.client(url=await system.open_side_door())]
    for first, second in (sides, sides[::-1]):
        async with ann.post("/api/ws-ticket") as response:
            given = await response.json()
        assert given["expires_in"] == 30
        ticket = given["ticket"]
        assert await status(system.client(ticket)) == 401
        socket = await first.ws_connect(CHAT, params={"ticket": ticket})
        for client in (second, first):
            assert await refused(client, params={"ticket": ticket}) == 401
        await socket.close()
    for wrong in ("", "x", system.tokens.issue_access(system.admin_id)):
        assert await refused(sides[0], params={"ticket": wrong}) == 401
    key = system.client((await made(ann))["key"])
    async with key.post("/api/ws-ticket") as response:
        ticket = (await response.json())["ticket"]
    async with ann.delete(f"/api/keys/{(await listed(ann))[0]['id']}") as response:
        assert response.status == 200
    assert await refused(sides[0], params={"ticket": ticket}) == 401
