"""Failures are counted, lock for a while, and are forgotten."""

from __future__ import annotations

import pytest

from actors import names
from actors.sign_in.lockout import (
    FIRST_LOCK_S,
    LONGEST_LOCK_S,
    MOST_REMEMBERED,
    MOST_STRANGERS,
    WINDOW_S,
    Lockout,
)
from actors.sign_in.messages import MOST_FAILURES, ForgetFailures, GetLock, NoteFailure
from tests.support.workbench import ANN, Workbench
from vareon_runtime.entity import Entity
from vareon_runtime.errors import NotPermitted

HERE, THERE = "192.0.2.1", "198.51.100.1"


async def fail(
    bench: Workbench, lockout: Entity[object], times: int, subject: str = "ann", address: str = HERE
) -> float:
    """Fail so often; returns how long the last of it had to wait."""
    wait_s = 0.0
    for _ in range(times):
        wait_s = (await bench.ask(lockout, NoteFailure(subject, address), None)).wait_s
    return wait_s


async def wait_s(
    bench: Workbench,
    lockout: Entity[object],
    subject: str = "ann",
    address: str = HERE,
    *,
    known: bool = False,
) -> float:
    found: float = (await bench.ask(lockout, GetLock(subject, address, known), None)).wait_s
    return found


@pytest.fixture
def lockout(bench: Workbench) -> Entity[object]:
    """One of them."""
    return bench.entity(Lockout, "1")


async def test_the_eleventh_is_not_let_in(bench: Workbench, lockout: Entity[object]) -> None:
    """Nor counted, so that trying on does not make it longer."""
    assert await fail(bench, lockout, MOST_FAILURES) == 0
    assert FIRST_LOCK_S - 5 < await wait_s(bench, lockout) <= FIRST_LOCK_S
    assert await fail(bench, lockout, 20) > 0
    bench.clock.now_s += FIRST_LOCK_S
    assert await wait_s(bench, lockout) == 0
    assert await wait_s(bench, lockout, "bob") == 0


async def test_each_lock_is_longer_and_none_is_for_ever(
    bench: Workbench, lockout: Entity[object]
) -> None:
    """After a quiet hour it begins anew."""
    found = []
    for _ in range(9):
        while await fail(bench, lockout, 1) == 0:
            pass
        found.append(round(await wait_s(bench, lockout), -1))
        bench.clock.now_s += await wait_s(bench, lockout)
    assert found == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    bench.clock.now_s += LONGEST_LOCK_S
    assert await fail(bench, lockout, MOST_FAILURES - 1) == 0
    assert await wait_s(bench, lockout) == 0
    await fail(bench, lockout, 1)
    assert await wait_s(bench, lockout) <= FIRST_LOCK_S


async def test_failures_far_apart_do_not_lock(bench: Workbench, lockout: Entity[object]) -> None:
    """Somebody mistypes now and then, in a house with many."""
    for _ in range(3 * MOST_FAILURES):
        assert await fail(bench, lockout, 1, address="") == 0
        bench.clock.now_s += WINDOW_S / (MOST_FAILURES - 1)
    assert await wait_s(bench, lockout, address="") == 0


async def test_an_owner_gets_in_from_elsewhere(bench: Workbench, lockout: Entity[object]) -> None:
    """Until so many strangers have tried that only known addresses are let in."""
    await fail(bench, lockout, MOST_FAILURES)
    assert await wait_s(bench, lockout, address=THERE) == 0
    assert await wait_s(bench, lockout, known=True) == 0
    assert await wait_s(bench, lockout, address="") > 0
    for number in range(MOST_STRANGERS - MOST_FAILURES):
        assert await fail(bench, lockout, 1, address=f"203.0.113.{number}") == 0
    assert await wait_s(bench, lockout, address=THERE) > 0
    assert await wait_s(bench, lockout, address=THERE, known=True) == 0
    (failures,) = lockout.state.failures.values()  # type: ignore[attr-defined]
    assert len(failures.addresses) <= MOST_STRANGERS
    assert len(failures.times) == MOST_FAILURES


async def test_signing_in_forgets_but_not_a_lock(bench: Workbench, lockout: Entity[object]) -> None:
    """What locked it was somebody else."""
    await fail(bench, lockout, MOST_FAILURES - 1)
    assert await bench.ask(lockout, ForgetFailures("ann"), None)
    assert not await bench.ask(lockout, ForgetFailures("ann"), None)
    await fail(bench, lockout, MOST_FAILURES)
    assert not await bench.ask(lockout, ForgetFailures("ann"), None)
    assert await wait_s(bench, lockout) > 0


async def test_there_is_only_so_much_memory(bench: Workbench, lockout: Entity[object]) -> None:
    """Whoever tries many names does not make it forget one that is under attack."""
    await fail(bench, lockout, MOST_FAILURES - 1)
    for number in range(MOST_REMEMBERED + 20):
        await fail(bench, lockout, 1, f"name {number}")
    assert len(lockout.state.failures) == MOST_REMEMBERED  # type: ignore[attr-defined]
    await fail(bench, lockout, 1)
    assert await wait_s(bench, lockout) > 0


async def test_it_is_the_systems_own(bench: Workbench, lockout: Entity[object]) -> None:
    """Nobody asks it, or makes it count, by themselves."""
    for message in (GetLock("ann"), NoteFailure("ann"), ForgetFailures("ann")):
        with pytest.raises(NotPermitted):
            await bench.ask(lockout, message, ANN)
    assert names.lockout("ann") == names.lockout("ann")
    assert len({names.lockout(str(number)).key for number in range(5000)}) == 256
