"""Roles that are made here: what they allow over HTTP, and what nobody can make of them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import aiohttp

from tests.support.chat_client import ChatClient
from tests.support.system import InProcessSystem
from web.services import policy

NOTICED_WITHIN_S = 8.0


async def call(
    client: aiohttp.ClientSession, method: str, path: str, body: Any = None
) -> tuple[int, Any]:
    async with client.request(method, path, json=body) as response:
        return response.status, await response.json()


async def made_role(system: InProcessSystem, name: str, *permissions: str) -> str:
    body = {"name": name, "permissions": permissions, "description": "for a test"}
    status, role = await call(system.admin(), "POST", "/api/roles", body)
    assert status == 201, role
    return str(role["id"])


async def becomes(client: aiohttp.ClientSession, path: str, status: int) -> None:
    """A change is noticed within seconds, because front doors remember who is who that long."""
    deadline = time.monotonic() + NOTICED_WITHIN_S
    while (await call(client, "GET", path))[0] != status:
        assert time.monotonic() < deadline, f"{path} does not become {status}"
        await asyncio.sleep(0.05)


async def test_a_role_is_made_changed_and_deleted(system: InProcessSystem) -> None:
    admin = system.admin()
    role_id = await made_role(system, "auditor", policy.READ_SYSTEM)
    role = {
        "id": role_id,
        "name": "auditor",
        "description": "for a test",
        "permissions": [policy.READ_SYSTEM],
        "builtin": False,
    }
    assert await call(admin, "GET", f"/api/roles/{role_id}") == (200, role)
    _, roles = await call(admin, "GET", "/api/roles")
    assert [one["name"] for one in roles] == ["viewer", "member", "operator", "admin", "auditor"]
    change = {"name": "watcher", "permissions": [policy.READ_SYSTEM, policy.READ_ROLES]}
    status, changed = await call(admin, "PUT", f"/api/roles/{role_id}", change)
    assert (status, changed["name"]) == (200, "watcher")
    _, found = await call(admin, "GET", f"/api/roles/{role_id}")
    assert found["permissions"] == sorted(change["permissions"])
    assert found["description"] == "for a test"
    assert (await call(admin, "DELETE", f"/api/roles/{role_id}"))[0] == 200
    assert (await call(admin, "GET", f"/api/roles/{role_id}"))[0] == 404
    assert (await call(admin, "DELETE", f"/api/roles/{role_id}"))[0] == 404
    await made_role(system, "watcher")


async def test_names_and_permissions_are_checked(system: InProcessSystem) -> None:
    admin = system.admin()
    await made_role(system, "auditor")
    for body, status in (
        ({"name": "auditor", "permissions": []}, 409),
        ({"name": "admin", "permissions": []}, 409),
        ({"name": "No Spaces", "permissions": []}, 422),
        ({"name": "x", "permissions": []}, 422),
        ({"name": "fine", "permissions": ["king:rule"]}, 422),
        ({"name": "fine", "permissions": [], "id": "admin"}, 422),
        ({"name": "fine"}, 422),
    ):
        assert (await call(admin, "POST", "/api/roles", body))[0] == status, body
    for method in ("PUT", "DELETE"):
        assert (await call(admin, method, "/api/roles/admin", {"permissions": []}))[0] == 409
        assert (await call(admin, method, "/api/roles/nothing", {"description": ""}))[0] == 404
    assert len((await call(admin, "GET", "/api/roles"))[1]) == 5


async def test_every_permission_is_listed(system: InProcessSystem) -> None:
    _, listed = await call(system.admin(), "GET", "/api/permissions")
    assert {one["name"] for one in listed} == set(policy.PERMISSIONS)
    for one in listed:
        assert one["roles"] == [role for role, held in policy.ROLES.items() if one["name"] in held]


async def test_a_made_role_allows_what_it_says_until_it_is_deleted(
    system: InProcessSystem,
) -> None:
    role_id = await made_role(system, "auditor", policy.READ_ACCOUNT, policy.READ_SYSTEM)
    user = await system.new_user("ann", ("auditor",))
    _, me = await call(user, "GET", "/api/users/me")
    assert [(role["name"], len(role["permissions"])) for role in me["roles"]] == [("auditor", 2)]
    assert me["permissions"] == [policy.READ_ACCOUNT, policy.READ_SYSTEM]
    assert (await call(user, "GET", "/api/system/storage"))[0] == 200
    assert (await call(user, "GET", "/api/chat/conversations"))[0] == 403
    body = {"permissions": [policy.READ_ACCOUNT, policy.READ_CHAT]}
    assert (await call(system.admin(), "PUT", f"/api/roles/{role_id}", body))[0] == 200
    await becomes(user, "/api/system/storage", 403)
    assert (await call(user, "GET", "/api/chat/conversations"))[0] == 200
    assert (await call(system.admin(), "DELETE", f"/api/roles/{role_id}"))[0] == 200
    _, (listed,) = await call(system.admin(), "GET", "/api/users?search=ann")
    assert listed["roles"] == []
    await becomes(user, "/api/users/me", 403)
    # A new role of the old name is another role: nobody holds it unasked.
    await made_role(system, "auditor", policy.READ_ACCOUNT)
    _, (listed,) = await call(system.admin(), "GET", "/api/users?search=ann")
    assert listed["roles"] == []


async def test_nobody_hands_out_more_than_they_hold(system: InProcessSystem) -> None:
    held = (policy.WRITE_ROLES, policy.READ_ROLES, policy.MANAGE_ACCOUNTS, policy.CREATE_ACCOUNT)
    staff_id = await made_role(system, "staff", *held)
    chief_id = await made_role(system, "chief", policy.WRITE_MODELS)
    staff = await system.new_user("staff", ("staff",))
    _, (me,) = await call(system.admin(), "GET", "/api/users?search=staff")
    for method, path, body in (
        ("POST", "/api/roles", {"name": "more", "permissions": [policy.WRITE_MODELS]}),
        ("PUT", f"/api/roles/{staff_id}", {"permissions": [policy.READ_AUDIT]}),
        ("PUT", f"/api/roles/{chief_id}", {"permissions": []}),
        ("DELETE", f"/api/roles/{chief_id}", None),
        ("PUT", f"/api/users/{me['id']}/roles", {"roles": ["admin"]}),
        ("PUT", f"/api/users/{me['id']}/roles", {"roles": ["staff", "chief"]}),
        ("POST", f"/api/users/{system.admin_id}/disable", None),
        ("PUT", f"/api/users/{system.admin_id}/password", {"password": "mine from now on"}),
        ("DELETE", f"/api/users/{system.admin_id}", None),
        ("POST", "/api/users", {"username": "x", "password": "long enough", "roles": ["admin"]}),
    ):
        assert (await call(staff, method, path, body))[0] == 403, (method, path)
    body = {"name": "less", "permissions": [policy.READ_ROLES]}
    assert (await call(staff, "POST", "/api/roles", body))[0] == 201
    assert (await call(staff, "GET", f"/api/roles/{chief_id}"))[1]["permissions"]
    assert (await call(system.admin(), "GET", "/api/users/me"))[0] == 200


async def test_a_socket_that_is_open_may_no_more_than_its_user(system: InProcessSystem) -> None:
    """What a role allows is asked again before each message."""
    allowed = {"permissions": [policy.READ_CHAT, policy.CHAT]}
    role_id = await made_role(system, "talker", *allowed["permissions"])
    user = await system.new_user("ann", ("talker",))
    conversation = "0198c0de-0000-7000-8000-000000000001"
    async with ChatClient(user, conversation) as client:
        await client.say("hello")
        await client.until("done")
        body = {"permissions": [policy.READ_CHAT]}
        assert (await call(system.admin(), "PUT", f"/api/roles/{role_id}", body))[0] == 200
        deadline = time.monotonic() + NOTICED_WITHIN_S
        while not client.socket.closed:
            assert time.monotonic() < deadline
            await client.send(type="cancel")
            with contextlib.suppress(TimeoutError):
                await client.socket.receive(timeout=0.1)
        assert client.socket.close_code == 4403
    _, kept = await call(user, "GET", f"/api/chat/history/{conversation}")
    assert kept[0]["message_content"] == "hello"
