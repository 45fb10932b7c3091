"""The roster: an administrator stays, and nobody gives or takes more than they hold."""

from __future__ import annotations

from typing import Any

import pytest

from actors import policy
from actors.accounts.messages import (
    ChangeAccess,
    CreateRole,
    CreateUser,
    DeleteRole,
    EndAccount,
)
from actors.accounts.role import Role
from actors.accounts.roster import Roster
from actors.accounts.user import User
from tests.support.workbench import ADMIN, ANN, Workbench
from vareon_runtime.errors import (
    Conflict,
    InvalidMessage,
    NotFound,
    NotPermitted,
    StillRunning,
)
from vareon_runtime.identity import Principal

STAFF = Principal("staff-id", (policy.MANAGE_ACCOUNTS,))
TAKEN = [
    ChangeAccess("a", roles=("member",)),
    ChangeAccess("a", is_active=False),
    EndAccount("a"),
]


async def opened(bench: Workbench, *accounts: tuple[str, str]) -> Any:
    """The roster, beside accounts given as id and role."""
    for user_id, role in accounts:
        created = CreateUser(user_id, "hash", (role,))
        await bench.ask(bench.entity(User, user_id), created, ADMIN)
    return bench.entity(Roster, "default")


@pytest.mark.parametrize("message", TAKEN)
async def test_the_last_administrator_stays(bench: Workbench, message: Any) -> None:
    roster = await opened(bench, ("a", "admin"), ("b", "member"))
    with pytest.raises(Conflict, match="last active administrator"):
        await bench.ask(roster, message, ADMIN)
    assert not bench.pending


@pytest.mark.parametrize("message", TAKEN)
async def test_one_whose_change_is_under_way_does_not_count(bench: Workbench, message: Any) -> None:
    """Of two requests that each would take one of the last two, the second is refused."""
    roster = await opened(bench, ("a", "admin"), ("b", "admin"))
    await bench.ask(roster, message, ADMIN)
    with pytest.raises(StillRunning):
        await bench.ask(roster, message, ADMIN)
    for other in (ChangeAccess("b", is_active=False), EndAccount("b")):
        with pytest.raises(Conflict):
            await bench.ask(roster, other, ADMIN)
    await bench.run_effect()
    assert roster.state.pending == {}
    with pytest.raises(Conflict):
        await bench.ask(roster, EndAccount("b"), ADMIN)


async def test_a_disabled_administrator_is_none(bench: Workbench) -> None:
    roster = await opened(bench, ("a", "admin"), ("b", "admin"))
    await bench.ask(roster, ChangeAccess("b", is_active=False), ADMIN)
    await bench.run_effect()
    with pytest.raises(Conflict):
        await bench.ask(roster, ChangeAccess("a", roles=("operator", "member")), ADMIN)
    await bench.ask(roster, ChangeAccess("a", roles=("admin", "member")), ADMIN)


async def test_tokens_count_no_more_when_somebody_may_do_less_or_other_things(
    bench: Workbench,
) -> None:
    roster, user = await opened(bench, ("a", "admin"), ("b", "member")), bench.entity(User, "b")
    for change, version in (
        (ChangeAccess("b", roles=("member",)), 0),
        (ChangeAccess("b", roles=("viewer", "operator")), 1),
        (ChangeAccess("b", is_active=False), 2),
        (ChangeAccess("b", is_active=False), 2),
        (ChangeAccess("b", is_active=True), 2),
        (ChangeAccess("b", hashed_password="another"), 3),
    ):
        await bench.ask(roster, change, ADMIN)
        await bench.run_effect()
        assert user.state.token_version == version, change
    assert (user.state.roles, user.state.hashed_password) == (("viewer", "operator"), "another")


async def test_nobody_gives_or_takes_more_than_they_hold(bench: Workbench) -> None:
    roster = await opened(bench, ("a", "admin"), ("b", "member"), ("staff-id", "viewer"))
    role = bench.entity(Role, "r1")
    await bench.ask(role, CreateRole("chief", (policy.READ_AUDIT,)), ADMIN)
    for message in (
        ChangeAccess("staff-id", roles=("admin",)),
        ChangeAccess("staff-id", roles=("r1",)),
        ChangeAccess("a", is_active=True),
        ChangeAccess("a", hashed_password="mine"),
        EndAccount("a"),
        EndAccount("b"),
    ):
        with pytest.raises(NotPermitted):
            await bench.ask(roster, message, STAFF)
    with pytest.raises(NotPermitted):
        await bench.ask(roster, ChangeAccess("ann-id", is_active=True), ANN)
    await bench.ask(role, DeleteRole(), ADMIN)
    with pytest.raises(InvalidMessage, match="r1"):
        await bench.ask(roster, ChangeAccess("b", roles=("r1",)), ADMIN)


async def test_everybody_may_end_their_own(bench: Workbench) -> None:
    roster = await opened(bench, ("a", "admin"))
    await bench.ask(roster, EndAccount("ann-id"), ANN)
    with pytest.raises(NotPermitted):
        await bench.ask(roster, EndAccount("bob-id"), ANN)
    with pytest.raises(NotFound):
        await bench.ask(roster, EndAccount("nobody"), ADMIN)


async def test_a_refusal_of_the_account_ends_the_change(bench: Workbench) -> None:
    """Its next change is not held up by it."""
    roster = await opened(bench, ("a", "admin"), ("b", "member"))
    await bench.ask(roster, ChangeAccess("b", hashed_password="x" * 201), ADMIN)
    await bench.run_effect()
    assert roster.state.pending == {}
    assert bench.entity(User, "b").state.hashed_password == "hash"
