"""Signing in does the same work whether there is such an account or not."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from actors.sign_in.messages import GetLock, Lock, NoteFailure
from tests.unit.web.fake_bus import FakeRows, user_row
from vareon_runtime.clock import SystemClock
from vareon_runtime.identity import EntityId
from web.refusals import LockedOut
from web.services import passwords as passwords_module
from web.services.accounts import Accounts
from web.services.lockout import Lockout
from web.services.passwords import Passwords

HASH = "$2b$12$R1cfc8oWOJUtsV8A7C0oK.Tc5YMb8SpaLee6NkjiQgiMxRngM5jbK"
ADDRESS = "192.0.2.1"


class AwayRows(FakeRows):
    """Accounts whose owners are signed in nowhere."""

    async def rows(self, statement: Any) -> list[Any]:
        found = await super().rows(statement)
        return [] if "FROM sessions" in str(statement) else found


class CountingBus:
    """Answers how somebody stands, and remembers what it was asked."""

    def __init__(self, *locks: Lock) -> None:
        self.locks = list(locks)
        self.asked: list[str] = []

    async def ask(self, target: EntityId, message: Any, **options: Any) -> Any:
        assert target.kind == "lockout"
        self.asked.append(type(message).__name__)
        if isinstance(message, GetLock | NoteFailure):
            return self.locks.pop(0) if self.locks else Lock(0, 0.0)
        return True


async def work(
    monkeypatch: pytest.MonkeyPatch, rows: FakeRows, *locks: Lock
) -> tuple[list[str], list[bytes], int]:
    """What was asked, which hashes were compared, how often the database was read."""
    compared: list[bytes] = []
    monkeypatch.setattr(
        passwords_module, "_check", lambda _secret, stored: compared.append(stored) or False
    )
    bus: Any = CountingBus(*locks)
    pool = Passwords(threads=1)
    accounts = Accounts(rows, bus, pool, None)  # type: ignore[arg-type]
    guard = partial(Lockout(rows, bus, SystemClock()).guarded, "ann", ADDRESS)
    try:
        assert await accounts.signing_in("ann", "wrong", guard) is None
    except LockedOut:
        bus.asked.append("locked out")
    finally:
        pool.close()
    return bus.asked, compared, rows.selects


@pytest.mark.parametrize("locks", [(), (Lock(12, 30.0),), (Lock(3, 0.0), Lock(10, 5.0))])
async def test_known_and_unknown_cost_the_same(
    monkeypatch: pytest.MonkeyPatch, locks: tuple[Lock, ...]
) -> None:
    """The same questions, one comparison at the same cost, as many reads; locked or not."""
    known = await work(monkeypatch, AwayRows([user_row(hashed_password=HASH)]), *locks)
    unknown = await work(monkeypatch, AwayRows([]), *locks)
    closed = user_row(hashed_password=HASH, is_active=False)
    assert unknown[0][:2] == ["GetLock", "GetLock"]
    assert len(unknown[1]) == (0 if locks else 1)
    for found in (known, await work(monkeypatch, AwayRows([closed]), *locks)):
        assert found[2] == unknown[2]
        assert [stored[:7] for stored in found[1]] == [stored[:7] for stored in unknown[1]]
        assert found[0] == unknown[0]
