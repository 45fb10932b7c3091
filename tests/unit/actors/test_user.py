"""Accounts."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from actors.accounts.messages import CreateUser
from actors.accounts.user import User
from tests.support.workbench import ADMIN, ANN, Workbench, texts_of
from vareon_runtime.errors import Conflict, InvalidMessage, NotPermitted
from vareon_runtime.models import UserRoleRow, UserRow


async def test_an_account_is_opened_once(bench: Workbench) -> None:
    """With its roles; again is a conflict."""
    user = bench.entity(User, "u1")
    view = await bench.ask(user, CreateUser("carl", "hash", ("admin", "member", "admin")), ADMIN)
    assert (view.username, view.roles, view.email, view.is_active) == (
        "carl",
        ("admin", "member"),
        None,
        True,
    )
    roles = await bench.read(select(UserRoleRow.role).where(UserRoleRow.user_id == "u1"))
    assert sorted(texts_of(roles, "role")) == ["admin", "member"]
    (row,) = await bench.read(select(UserRow.hashed_password).where(UserRow.id == "u1"))
    assert row.hashed_password == "hash"
    with pytest.raises(Conflict):
        await bench.ask(user, CreateUser("carl", "hash"), ADMIN)


async def test_only_administrators_and_the_system_open_accounts(bench: Workbench) -> None:
    """Members do not."""
    with pytest.raises(NotPermitted):
        await bench.ask(bench.entity(User, "u1"), CreateUser("carl", "hash"), ANN)
    await bench.ask(bench.entity(User, "u2"), CreateUser("dora", "hash"), None)


@pytest.mark.parametrize(
    "message",
    [
        CreateUser("", "hash"),
        CreateUser("x" * 81, "hash"),
        CreateUser("two words", "hash"),
        CreateUser("carl\n", "hash"),
        CreateUser("carl", ""),
        CreateUser("carl", "x" * 201),
        CreateUser("carl", "hash", ("king",)),
        CreateUser("carl", "hash", email="nowhere"),
    ],
)
async def test_what_does_not_fit_is_refused(bench: Workbench, message: CreateUser) -> None:
    """Nothing is left of it."""
    user = bench.entity(User, "u1")
    with pytest.raises(InvalidMessage):
        await bench.ask(user, message, ADMIN)
    assert not user.exists
