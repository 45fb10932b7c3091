"""The audit log over HTTP: who did what to which thing from where, and no rewriting it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.integration.test_roles_http import call, made_role
from tests.integration.test_users_http import id_of, signs_in
from tests.support.system import ADMIN_PASSWORD, InProcessSystem
from web.cli import main
from web.services import audit, policy


async def entries(system: InProcessSystem, query: str = "") -> list[dict[str, Any]]:
    """The newest first."""
    status, found = await call(system.admin(), "GET", f"/api/system/audit?{query}")
    assert status == 200, found
    return list(found)


async def appears(system: InProcessSystem, query: str, count: int = 1) -> list[dict[str, Any]]:
    """Refusals are written soon, not at once."""
    deadline = time.monotonic() + 5
    while len(found := await entries(system, query)) < count:
        assert time.monotonic() < deadline, query
        await asyncio.sleep(0.02)
    return found


async def test_a_change_is_written_down_before_and_after(system: InProcessSystem) -> None:
    admin = system.admin()
    body = {"name": "auditor", "permissions": [policy.READ_AUDIT]}
    headers = {"X-Request-Id": "mine-1"}
    async with admin.post("/api/roles", json=body, headers=headers) as response:
        role = await response.json()
    done, begun = await entries(system, "action=role.create")
    assert (begun["result"], begun["target"]) == ("begun", None)
    assert {name: done[name] for name in done if name not in ("at", "hash", "number")} == {
        "user_id": system.admin_id,
        "username": "admin",
        "kind": "user",
        "action": "role.create",
        "target": f"role/{role['id']}",
        "result": "done",
        "detail": f"auditor: {policy.READ_AUDIT}",
        "ip": "127.0.0.1",
        "request_id": "mine-1",
    }
    assert done["number"] == begun["number"] + 1
    assert (await call(admin, "POST", "/api/roles", body))[0] == 409
    assert [one["result"] for one in await entries(system, "action=role.create")] == [
        "conflict",
        "begun",
        "done",
        "begun",
    ]


async def test_every_administrative_change_is_in_it(
    system: InProcessSystem,
) -> None:
    """Each route that changes what others rely on declares an action; the log has its outcome."""
    declared = {
        route.audit: route for route in system.routes() if route.permission in ADMINISTRATIVE
    }
    silent = [
        (route.method, route.path)
        for route in system.routes()
        if route.permission in ADMINISTRATIVE and route.method != "GET" and not route.audit
    ]
    assert silent == []
    nobody = "0198c0de-0000-7000-8000-0000000000ff"
    for action, route in declared.items():
        if not action:
            continue
        path = route.path.replace("{id}", nobody)
        body = BODIES.get(action)
        status, _ = await call(system.admin(), route.method, path, body)
        (outcome, begun) = (await entries(system, f"action={action}"))[:2]
        assert begun["result"] == "begun", action
        assert (outcome["result"] == "done") == (status < 300), (action, outcome)
        if "{id}" in route.path:
            assert outcome["target"] == f"{action.partition('.')[0]}/{nobody}"


ADMINISTRATIVE = frozenset(policy.PERMISSIONS) - policy.ROLES["operator"]
BODIES: dict[str, Any] = {
    "user.create": {"username": "bea", "password": "long enough"},
    "user.roles": {"roles": ["member"]},
    "user.password": {"password": "long enough"},
    "role.create": {"name": "auditor", "permissions": []},
    "role.change": {"permissions": []},
    "provider.create": {"name": "p", "base_url": "http://127.0.0.1:1", "api_key": "sk-very-secret"},
    "provider.change": {"api_key": "sk-very-secret"},
    "model.create": {
        "provider_id": "0198c0de-0000-7000-8000-0000000000ff",
        "model_name": "m",
    },
    "model.change": {"model_name": "m"},
    "user.invite": {"email": "bea@example.org"},
}


async def test_sign_ins_and_refusals_are_in_it(system: InProcessSystem) -> None:
    await system.new_user("bea")
    bea = await id_of(system, "bea")
    assert await signs_in(system, "bea", "password of bea")
    (entry,) = await entries(system, "action=session.sign_in")
    assert (entry["user_id"], entry["result"], entry["kind"]) == (bea, "done", "user")
    assert not await signs_in(system, "bea", "the wrong password")
    failed = await appears(system, "action=session.sign_in&result=not_authenticated")
    assert (failed[0]["user_id"], failed[0]["kind"]) == (None, "anonymous")
    member = system.client(system.tokens.issue_access(bea))
    assert (await call(member, "GET", "/api/users"))[0] == 403
    (entry,) = await appears(system, "action=denied")
    assert (entry["user_id"], entry["target"]) == (bea, "/api/users")
    assert policy.LIST_ACCOUNTS in entry["detail"]
    assert (await call(member, "GET", "/api/system/audit"))[0] == 403


async def test_no_secret_is_in_it(system: InProcessSystem) -> None:
    """Neither a password, nor a key, nor what somebody typed where a name belongs."""
    admin = system.admin()
    secret = "s3cr3t-of-somebody"
    await signs_in(system, secret, secret)
    body = {"name": "p", "base_url": "http://127.0.0.1:1", "api_key": secret}
    _, provider = await call(admin, "POST", "/api/cognisys/providers", body)
    path = f"/api/cognisys/providers/{provider['id']}"
    assert (await call(admin, "PUT", path, {"api_key": secret}))[0] == 200
    user = {"username": "bea", "password": secret}
    assert (await call(admin, "POST", "/api/users", user))[0] == 201
    bea = await id_of(system, "bea")
    body = {"password": secret + "-2"}
    assert (await call(admin, "PUT", f"/api/users/{bea}/password", body))[0] == 200
    (changed, _) = await entries(system, "action=provider.change")
    assert changed["detail"] == "api_key"
    await appears(system, "action=session.sign_in")
    assert secret not in json.dumps(await entries(system, "limit=1000"))


async def test_refusals_are_bounded_and_counted(
    system: InProcessSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is refused all day fills no disk."""
    monkeypatch.setattr(audit, "A_SECOND", 0.0)
    member = await system.new_user("bea")
    for _ in range(audit.BURST + 7):
        assert (await call(member, "GET", "/api/users"))[0] == 403
    assert len(await appears(system, "action=denied&limit=1000", audit.BURST)) == audit.BURST
    monkeypatch.setattr(audit, "A_SECOND", 1000.0)
    assert (await call(member, "GET", "/api/users"))[0] == 403
    newest = (await appears(system, "action=denied&limit=1000", audit.BURST + 1))[0]
    assert "7 refusals before this one were not written down" in newest["detail"]


async def test_it_is_paged_and_filtered(system: InProcessSystem) -> None:
    for name in ("one", "two", "three"):
        await made_role(system, name)
    admin, found, path = system.admin(), [], "/api/system/audit?limit=4&action=role.create"
    while path:
        async with admin.get(path) as response:
            found += await response.json()
            path = str(response.links["next"]["url"].relative()) if response.links else ""
    assert [one["number"] for one in found] == sorted(
        (one["number"] for one in found), reverse=True
    )
    assert len(found) == 6
    middle = found[3]
    assert len(await entries(system, f"target={found[0]['target']}")) == 1
    since = await entries(system, f"action=role.create&since={middle['at']}")
    assert since == found[:4]
    assert await entries(system, f"action=role.create&until={middle['at']}") == found[4:]
    assert await entries(system, "user_id=nobody") == []


async def verified(system: InProcessSystem, *arguments: str) -> Result:
    whole = ["audit", "verify", "--data-dir", str(system.data_dir), *arguments]
    return await asyncio.to_thread(CliRunner().invoke, main, whole)


async def test_whoever_rewrites_it_is_found_out(system: InProcessSystem) -> None:
    for name in ("one", "two", "three"):
        await made_role(system, name)
    result = await verified(system)
    assert result.exit_code == 0, result.output
    assert "6 entries hold" in result.output
    head = (await entries(system))[0]["hash"]
    assert (await verified(system, "--expect", head)).exit_code == 0
    assert (await verified(system, "--expect", "0" * 64)).exit_code == 1
    connection = sqlite3.connect(system.data_dir / "vareon.db", timeout=10)
    last = connection.execute("SELECT * FROM audit_log WHERE number = 6").fetchone()
    for tampering, undoing, problem in (
        (
            "UPDATE audit_log SET user_id = 'somebody else' WHERE number = 2",
            f"UPDATE audit_log SET user_id = '{system.admin_id}' WHERE number = 2",
            "entry 2 is not what was written",
        ),
        (
            "UPDATE audit_log SET result = 'refused' WHERE number = 4",
            "UPDATE audit_log SET result = 'done' WHERE number = 4",
            "entry 4 is not what was written",
        ),
        ("UPDATE audit_log SET number = 60 WHERE number = 6", "", "entry 6 is missing"),
        ("DELETE FROM audit_log WHERE number = 60", "", "entries 6 to 6 are missing at the end"),
    ):
        with connection:
            connection.execute(tampering)
        result = await verified(system)
        assert (result.exit_code, problem in result.output) == (1, True), result.output
        with connection:
            connection.execute(undoing or "SELECT 1")
    with connection:
        connection.execute(f"INSERT INTO audit_log VALUES ({','.join('?' * len(last))})", last)
    connection.close()
    assert (await verified(system)).exit_code == 0


async def test_what_cannot_be_written_down_is_not_confirmed(
    system: InProcessSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what cannot be announced is not done."""
    from vareon_runtime.errors import StoreFailed

    async def fails(self: Any, entry: Any) -> None:
        raise StoreFailed("The disk is full; free some space.")

    monkeypatch.setattr(audit.Audit, "record", fails)
    status, _ = await call(system.admin(), "POST", "/api/roles", {"name": "x1", "permissions": []})
    assert status == 503
    assert not await signs_in(system, "admin", ADMIN_PASSWORD)
    monkeypatch.undo()
    _, roles = await call(system.admin(), "GET", "/api/roles")
    assert len(roles) == 4


async def test_from_the_command_line(system: InProcessSystem) -> None:
    await made_role(system, "auditor")
    token = system.tokens.issue_access(system.admin_id)
    where = ["--url", system.url, "--token", token]
    whole = ["audit", "list", "--action", "role.create", *where]
    result = await asyncio.to_thread(CliRunner().invoke, main, whole)
    assert result.exit_code == 0, result.output
    assert result.output.count("role.create") == 2
    result = await asyncio.to_thread(CliRunner().invoke, main, [*whole, "--json"])
    assert json.loads(result.output.splitlines()[0])["result"] == "done"
