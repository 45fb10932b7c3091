"""Topics in the workload: papers publish, and readers note what they heard, in order."""

from __future__ import annotations

import asyncio

import msgspec

from vareon_runtime.entity import Context, Entity, Event, Request, State, command, entity, query
from vareon_runtime.identity import EntityId
from vareon_runtime.testing.parts.part import Part

PAPERS = 2
READERS = 3
"""The last of them subscribes late."""
ISSUES = 16

Heard = tuple[str, str]
"""The publisher, and the operation that made it publish."""


class Printed(Event, frozen=True):
    """A fact of a paper."""

    paper: str
    op: str


class PaperState(State):
    """What it published, in order."""

    published: list[str] = msgspec.field(default_factory=list)


class Print(Request[int], frozen=True):
    """Publish this message's id."""


class GetPublished(Request[list[str]], frozen=True):
    """All of it."""


@entity("paper", idle_after=2.0)
class Paper(Entity[PaperState]):
    """Publishes."""

    @command(creates=True)
    async def publish(self, message: Print, context: Context) -> int:
        """Publish one fact, in the commit that notes it."""
        op = context.message_id.hex()
        self.state.published.append(op)
        context.publish(Printed(str(context.entity_id), op))
        return len(self.state.published)

    @query(creates=True)
    async def read(self, message: GetPublished, context: Context) -> list[str]:
        """All that it published."""
        return self.state.published


class ReaderState(State):
    """What it heard, in order."""

    facts: list[Heard] = msgspec.field(default_factory=list)


class Follow(Request[bool], frozen=True):
    """Subscribe."""


class GetFacts(Request[list[Heard]], frozen=True):
    """All of it."""


@entity("reader", idle_after=2.0)
class Reader(Entity[ReaderState]):
    """Notes what is published."""

    @command(creates=True)
    async def follow(self, message: Follow, context: Context) -> bool:
        """Subscribe to every paper."""
        context.subscribe(Printed)
        return True

    @command
    async def hear(self, message: Printed, context: Context) -> None:
        """Note a fact."""
        self.state.facts.append((message.paper, message.op))

    @query(creates=True)
    async def read(self, message: GetFacts, context: Context) -> list[Heard]:
        """All that it heard."""
        return self.state.facts


class PaperPart(Part):
    """Publishes while things break."""

    entities = (
        Paper,
        Reader,
    )

    async def prepare(self) -> None:
        """All but the last reader subscribe, and the topic learns of it."""
        for reader in self._readers()[:-1]:
            await self.do("subscribe", reader, Follow())
        await asyncio.sleep(1.0)

    async def work(self) -> None:
        """See the class."""
        for number in range(ISSUES):
            await asyncio.sleep(self.rng.expovariate(1 / 0.4))
            if number == ISSUES // 3:
                await self.do("subscribe", self._readers()[-1], Follow())
            paper = EntityId("paper", str(self.rng.randrange(PAPERS)))
            await self.do("publish", paper, Print())

    async def finish(self) -> None:
        """Note what was published and what was heard."""
        papers = [EntityId("paper", str(number)) for number in range(PAPERS)]
        published = {paper: await self.look(paper, GetPublished()) for paper in papers}
        whole = sum(len(ops) for ops in published.values())

        async def rests() -> bool:
            facts = [await self.look(reader, GetFacts()) for reader in self._readers()[:-1]]
            return all(len(heard) >= whole for heard in facts)

        await self.until(rests)
        await asyncio.sleep(1.0)
        for paper, ops in published.items():
            self.note("published", paper, ops)
        for number, reader in enumerate(self._readers(), 1):
            facts = await self.look(reader, GetFacts())
            self.note("heard", reader, {"facts": facts, "late": number == READERS})

    def _readers(self) -> list[EntityId]:
        return [EntityId("reader", str(number)) for number in range(READERS)]
