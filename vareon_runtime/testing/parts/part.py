"""A part of the workload: one feature of the engine, with entities and a client of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from vareon_runtime.entity import Entity, Request
from vareon_runtime.identity import EntityId
from vareon_runtime.testing.faults import SKEW_S
from vareon_runtime.testing.workload import Client, Operation

REST_S = 0.25
"""Between two looks at whether all has come to rest."""
LOOKS = 80


class Part:
    """Takes part in a seed, or not.

    Attributes:
        entities: What hosts must know for it.
        client: Who asks.
    """

    entities: ClassVar[tuple[type[Entity[Any]], ...]]

    def __init__(self, client: Client) -> None:
        self.client = client
        self.simulation = client.simulation
        self.rng = client.rng

    async def prepare(self) -> None:
        """Before anything is broken."""

    async def work(self) -> None:
        """While things break."""
        raise NotImplementedError

    async def finish(self) -> None:
        """When everything is whole again and no outcome is unknown: wait, and note the finals."""
        raise NotImplementedError

    async def do(
        self, kind: str, entity: EntityId, message: Request[Any], value: Any = None
    ) -> Operation:
        """Ask until it is known what became of it, for a while; the rest is settled at the end."""
        operation = self.client.operation(kind, entity, message, value)
        for _ in range(6):
            await self.client.attempt(operation)
            if operation.settled:
                break
            await asyncio.sleep(0.2)
        return operation

    async def look(self, entity: EntityId, message: Request[Any]) -> Any:
        """Ask outside the history, when all is whole."""
        return await self.client.doors[0].ask(entity, message, timeout_s=30.0)

    async def until(self, rests: Callable[[], Awaitable[bool]]) -> None:
        """Give what is under way its time; what is lost stays lost."""
        for _ in range(LOOKS):
            if await rests():
                return
            await asyncio.sleep(REST_S)

    async def set_clocks_ahead(self) -> None:
        """What a host whose clock is ahead planned is due late for the others: let it be due.

        A sleep of a flow looks at the wall clock seldom, so the hosts begin anew.
        """
        for place in self.simulation.hosts:
            place.skew_s = 3 * SKEW_S
            place.kill()
        await self.simulation.calm()

    def note(self, kind: str, entity: EntityId, value: Any) -> None:
        """A final."""
        self.simulation.record("final", kind=kind, entity=str(entity), value=value)
