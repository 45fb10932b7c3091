"""``vareon user`` and ``vareon role``."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

from click.testing import CliRunner

from tests.integration.test_roles_http import call
from tests.integration.test_users_http import signs_in
from tests.support.system import InProcessSystem
from web.cli import main


async def said(system: InProcessSystem, *arguments: str, code: int = 0, given: str = "") -> str:
    token = system.tokens.issue_access(system.admin_id)
    whole = [*arguments, "--url", system.url, "--token", token]
    result = await asyncio.to_thread(CliRunner().invoke, main, whole, given)
    assert result.exit_code == code, result.output
    return result.output


async def user(system: InProcessSystem, name: str) -> dict[str, Any]:
    _, found = await call(system.admin(), "GET", f"/api/users?search={name}")
    return dict(found[0])


async def test_accounts_from_the_command_line(system: InProcessSystem) -> None:
    told = await said(system, "user", "add", "bea", "--password-stdin", given="long enough\n")
    assert "bea may sign in now" in told
    assert "password:" not in told
    await said(system, "user", "roles", "bea", "operator", "member")
    assert (await user(system, "bea"))["roles"] == ["member", "operator"]
    await said(system, "user", "disable", "bea")
    assert not await signs_in(system, "bea", "long enough")
    listed = await said(system, "user", "list", "--search", "be")
    heading, row = (line.split() for line in listed.splitlines())
    assert heading == ["name", "e-mail", "roles", "state", "id"]
    assert row == ["bea", "member,", "operator", "disabled", (await user(system, "bea"))["id"]]
    await said(system, "user", "enable", "bea")
    assert await signs_in(system, "bea", "long enough")
    found = json.loads(await said(system, "user", "list", "--search", "bea", "--json"))
    assert (found["username"], found["is_active"]) == ("bea", True)
    told = await said(system, "user", "reset-password", "bea")
    made = re.search(r"password: (\S+)", told)
    assert made is not None
    assert not await signs_in(system, "bea", "long enough")
    assert await signs_in(system, "bea", made[1])
    await said(system, "user", "reset-password", "bea", "--password-stdin", given="yet another\n")
    assert await signs_in(system, "bea", "yet another")
    assert "nobody is called 'be'" in await said(system, "user", "enable", "be", code=1)
    assert "last active administrator" in await said(system, "user", "disable", "admin", code=1)


async def test_roles_from_the_command_line(system: InProcessSystem) -> None:
    await said(
        system, "role", "add", "auditor", "--allow", "system:audit", "--description", "reads"
    )
    listed = await said(system, "role", "list")
    rows = {line.split()[0]: line.split()[1:] for line in listed.splitlines()}
    assert rows["auditor"] == ["yours", "reads", "system:audit"]
    assert rows["viewer"][:2] == ["built", "in"]
    assert await said(system, "role", "show", "auditor") == "auditor\n  system:audit\n"
    lines = (await said(system, "role", "list", "--json")).splitlines()
    assert [json.loads(line)["name"] for line in lines][-1] == "auditor"
    told = await said(system, "role", "add", "other", "--allow", "king:rule", code=1)
    assert "'king:rule' is not a permission" in told
    await said(system, "role", "remove", "auditor")
    assert "auditor" not in await said(system, "role", "list")
    assert "there is no 'auditor'" in await said(system, "role", "remove", "auditor", code=1)
    assert "built-in" in await said(system, "role", "remove", "admin", code=1)


async def test_on_the_servers_machine_no_token_is_needed(
    system: InProcessSystem, monkeypatch: Any
) -> None:
    """Whoever may read the instance's key is its administrator."""
    from vareon_runtime.launch.running import Running
    from web.cli import instance

    def runs(settings: Any) -> Any:
        record = object.__new__(Running)
        object.__setattr__(record, "url", system.url)
        return record

    await system.new_user("bea")
    monkeypatch.setattr(instance, "running_here", runs)
    monkeypatch.delenv("VAREON_TOKEN", raising=False)
    whole = ["user", "reset-password", "bea", "--password-stdin", "--data-dir"]
    whole.append(str(system.data_dir))
    result = await asyncio.to_thread(CliRunner().invoke, main, whole, "another one\n")
    assert result.exit_code == 0, result.output
    assert await signs_in(system, "bea", "another one")
    # Also when the first administrator has gone, or may do less by now.
    await system.new_user("cid", ("admin",))
    path, body = f"/api/users/{system.admin_id}/roles", {"roles": ["member"]}
    assert (await call(system.admin(), "PUT", path, body))[0] == 200
    result = await asyncio.to_thread(CliRunner().invoke, main, whole, "yet another\n")
    assert result.exit_code == 0, result.output
    assert await signs_in(system, "bea", "yet another")
