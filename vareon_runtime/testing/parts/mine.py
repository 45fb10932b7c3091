"""Poison in the workload: messages to a log that end every host which handles them."""

from __future__ import annotations

import asyncio

from vareon_runtime.identity import EntityId
from vareon_runtime.testing.parts.part import Part
from vareon_runtime.testing.workload_entities import Explode

MINES = 2


class MinePart(Part):
    """Sends a few; the log they go to is the one that most clients write to."""

    entities = ()

    async def work(self) -> None:
        """See the class."""
        for _ in range(MINES):
            await asyncio.sleep(self.rng.uniform(0.5, 2.5))
            await self.do("poison", EntityId("log", "0"), Explode())

    async def finish(self) -> None:
        """What became of them is in their outcomes."""
