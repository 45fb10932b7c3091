"""Turns in a simulation read committed rows, by real SQL."""

from __future__ import annotations

import pytest
from sqlalchemy import bindparam, func, select

from vareon_runtime.entity import Context, Entity, Request, State, command, entity, query
from vareon_runtime.errors import StoreFailed
from vareon_runtime.identity import EntityId
from vareon_runtime.storage.tables import JournalRow, SignalRow
from vareon_runtime.testing.simulation import Simulation

NAMES = (
    select(SignalRow.name, func.count(JournalRow.number))
    .outerjoin(JournalRow, JournalRow.effect_id == SignalRow.effect_id)
    .where(SignalRow.number >= bindparam("least"))
    .group_by(SignalRow.name)
    .order_by(SignalRow.name.desc())
)


class ShelfState(State):
    """Nothing but rows."""


class PutBook(Request[bool], frozen=True):
    """Add a row."""

    number: int
    name: str


class GetBooks(Request[list[tuple[str, int]]], frozen=True):
    """Names from a number on."""

    least: int


@entity("shelf")
class Shelf(Entity[ShelfState]):
    """Keeps rows."""

    @command(creates=True)
    async def put(self, message: PutBook, context: Context) -> bool:
        """Add one, and a row of another table beside it."""
        key = message.name.encode()
        context.insert(SignalRow, effect_id=key, number=message.number, name=message.name, body=b"")
        context.insert(JournalRow, effect_id=key, number=1, name="", outcome=b"")
        return True

    @query(creates=True)
    async def books(self, message: GetBooks, context: Context) -> list[tuple[str, int]]:
        """Look them up."""
        return [tuple(row) for row in await context.read(NAMES, least=message.least)]


def test_a_turn_reads_what_is_committed() -> None:
    async def scenario(sim: Simulation) -> None:
        bus, shelf = await sim.front_door(), EntityId("shelf", "a")
        await sim.calm()
        assert await bus.ask(shelf, GetBooks(0)) == []
        for number, name in enumerate(("ant", "bee", "cat")):
            await bus.ask(shelf, PutBook(number, name))
        assert await bus.ask(shelf, GetBooks(1)) == [("cat", 1), ("bee", 1)]
        sim.disk.cut_off.update(place.process.name for place in sim.hosts)
        with pytest.raises(StoreFailed):
            await bus.ask(shelf, GetBooks(1))

    Simulation(1, [Shelf]).run(scenario)
