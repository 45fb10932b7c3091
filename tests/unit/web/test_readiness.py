"""Readiness goes the whole way, and is not a way to wear the system out."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from tests.unit.web.fake_bus import FakeBus, FakeRows, no_ray
from vareon_runtime.clock import SystemClock
from vareon_runtime.errors import Unavailable
from web.services.readiness import Readiness


class BrokenRows(FakeRows):
    """A database that cannot be read."""

    async def rows(self, statement: Any) -> list[Any]:
        raise OperationalError("select", {}, Exception("disk"))


class OldRows(FakeRows):
    """Tables of an earlier version."""

    async def rows(self, statement: Any) -> list[Any]:
        return [("0001",)]


class LostBus(FakeBus):
    """No host answers."""

    async def probe(self, timeout_s: float = 2.0) -> dict[str, Any]:
        raise Unavailable("Nobody there.")


async def test_what_is_broken_is_named() -> None:
    """Each part for itself."""
    for bus, rows, broken in (
        (FakeBus(), BrokenRows(), "database: unreadable"),
        (FakeBus(), OldRows(), "migrations: schema 0001"),
        (LostBus(), FakeRows(), "hosts: unavailable"),
        (FakeBus(connected=False), FakeRows(), "router: not connected"),
    ):
        with pytest.raises(Unavailable, match=broken):
            await Readiness(bus, rows, SystemClock(), no_ray).checked()


async def test_many_askers_cause_one_check() -> None:
    """At the same time, and shortly after."""
    rows = FakeRows()
    readiness = Readiness(FakeBus(), rows, SystemClock(), no_ray)
    found = await asyncio.gather(*[readiness.checked() for _ in range(50)])
    assert found[0] == {
        "database": "ok",
        "migrations": "ok",
        "ray": "not used",
        "router": "ok",
        "hosts": "ok",
    }
    await readiness.checked()
    assert rows.selects == 1
