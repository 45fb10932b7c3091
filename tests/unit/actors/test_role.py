"""Roles that are made here."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, select

from actors import policy
from actors.accounts.messages import ChangeRole, CreateRole, DeleteRole
from actors.accounts.role import Role
from tests.support.workbench import ADMIN, ANN, Workbench, texts_of
from vareon_runtime.errors import Conflict, InvalidMessage, NotPermitted
from vareon_runtime.identity import Principal
from vareon_runtime.models import RolePermissionRow, UserRoleRow

STAFF = Principal("staff-id", (policy.WRITE_ROLES, policy.READ_ROLES))


async def permissions_in_rows(bench: Workbench) -> list[str]:
    rows = await bench.read(select(RolePermissionRow.permission))
    return sorted(texts_of(rows, "permission"))


async def test_a_role_is_made_once_and_changed(bench: Workbench) -> None:
    role = bench.entity(Role, "r1")
    wanted = (policy.READ_SYSTEM, policy.CHAT, policy.CHAT)
    view = await bench.ask(role, CreateRole("auditor", wanted), ADMIN)
    assert view.permissions == (policy.CHAT, policy.READ_SYSTEM)
    assert await permissions_in_rows(bench) == [policy.CHAT, policy.READ_SYSTEM]
    with pytest.raises(Conflict):
        await bench.ask(role, CreateRole("auditor", ()), ADMIN)
    view = await bench.ask(role, ChangeRole(permissions=(policy.READ_SYSTEM,)), ADMIN)
    assert (view.name, view.permissions) == ("auditor", (policy.READ_SYSTEM,))
    assert await permissions_in_rows(bench) == [policy.READ_SYSTEM]


async def test_who_loses_a_role_loses_it_in_the_commit_that_ends_it(bench: Workbench) -> None:
    role = bench.entity(Role, "r1")
    await bench.ask(role, CreateRole("auditor", (policy.READ_SYSTEM,)), ADMIN)
    with bench.engine.begin() as connection:
        for name in ("r1", "member"):
            connection.execute(insert(UserRoleRow).values(user_id="ann-id", role=name))
    await bench.ask(role, DeleteRole(), ADMIN)
    assert texts_of(await bench.read(select(UserRoleRow.role)), "role") == ["member"]
    assert await permissions_in_rows(bench) == []


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (CreateRole("x", ()), InvalidMessage),
        (CreateRole("x" * 41, ()), InvalidMessage),
        (CreateRole("Caps", ()), InvalidMessage),
        (CreateRole("line\n", ()), InvalidMessage),
        (CreateRole("fine", ("king:rule",)), InvalidMessage),
        (CreateRole("fine", ("admin",)), InvalidMessage),
        (CreateRole("fine", (), "x" * 201), InvalidMessage),
        (CreateRole("member", ()), Conflict),
    ],
)
async def test_what_does_not_fit_is_refused(
    bench: Workbench, message: CreateRole, error: type[Exception]
) -> None:
    role = bench.entity(Role, "r1")
    with pytest.raises(error):
        await bench.ask(role, message, ADMIN)
    assert not role.exists


@pytest.mark.parametrize(
    "message", [ChangeRole(permissions=()), ChangeRole(name="other"), DeleteRole()]
)
async def test_nobody_touches_what_allows_more_than_they_may(
    bench: Workbench, message: Any
) -> None:
    role = bench.entity(Role, "r1")
    with pytest.raises(NotPermitted):
        await bench.ask(role, CreateRole("auditor", (policy.READ_SYSTEM,)), STAFF)
    await bench.ask(role, CreateRole("auditor", (policy.READ_SYSTEM,)), ADMIN)
    for who in (STAFF, ANN):
        with pytest.raises(NotPermitted):
            await bench.ask(role, message, who)
    assert await permissions_in_rows(bench) == [policy.READ_SYSTEM]
