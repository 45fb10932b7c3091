"""Flows in the workload: errands of several steps that take signals, or are cancelled."""

from __future__ import annotations

import asyncio
from functools import partial

import msgspec

from vareon_runtime.entity import (
    Context,
    Entity,
    FlowContext,
    Request,
    State,
    command,
    entity,
    flow,
    query,
)
from vareon_runtime.errors import Cancelled, Conflict, NotFound, OutcomeUnknown, VareonError
from vareon_runtime.identity import EntityId
from vareon_runtime.testing.parts.part import Part
from vareon_runtime.testing.workload_entities import PATIENT, World

ERRANDS = 5
BOOK = EntityId("book", "0")

End = tuple[str, list[str], list[str]]
"""How it ended, the outcomes of its steps, and the signals that it took."""


async def act(
    world: World, step: tuple[int, str], op: str, attempt: int, given: list[str], once: bool = False
) -> str:
    """A step: noted when it begins, with the outcomes it was given; its own is new every time."""
    number, label = step
    token = f"{label}#{world.count()}"
    value = {
        "step": number,
        "label": label,
        "attempt": attempt,
        "given": given,
        "token": token,
        "once": once,
    }
    world.note("step", op=op, kind="flow", value=value)
    await asyncio.sleep(0.3 if once else 0.03)
    return token


class ErrandState(State):
    """The flow, and how it ended."""

    op: str = ""
    flow_id: bytes = b""
    ends: list[End] = msgspec.field(default_factory=list)


class RunErrand(Request[bool], frozen=True):
    """Begin."""


class Say(Request[bool], frozen=True):
    """Tell the flow this message's id."""


class CallOff(Request[bool], frozen=True):
    """Cancel the flow."""


class GetEnds(Request[list[End]], frozen=True):
    """How it ended."""


@entity("errand", idle_after=2.0)
class Errand(Entity[ErrandState]):
    """Runs one flow."""

    @command(creates=True)
    async def run(self, message: RunErrand, context: Context) -> bool:
        """Begin it."""
        self.state.op = context.message_id.hex()
        self.state.flow_id = context.start(
            self.go(self.state.op), then=self.came_back, failed=self.gave_up
        )
        return True

    @command(creates=True)
    async def say(self, message: Say, context: Context) -> bool:
        """Tell it something; False if it is over."""
        self._demand_flow()
        try:
            context.signal(self.state.flow_id, "say", context.message_id.hex())
        except NotFound:
            return False
        return True

    @command(creates=True)
    async def call_off(self, message: CallOff, context: Context) -> bool:
        """End it."""
        self._demand_flow()
        context.cancel(self.state.flow_id)
        return True

    @flow()
    async def go(self, op: str, flow: FlowContext) -> tuple[list[str], list[str]]:
        """Two steps one after another, two at once, and a last one at most once."""
        world, attempt = flow.resource(World), flow.attempt
        tokens: list[str] = []
        try:
            first = partial(act, world, (1, "first"), op, attempt)
            tokens.append(await flow.step("first", first, [], retry=PATIENT, returns=str))
            heard = [await flow.signal("say", str)]
            given = list(tokens)
            tokens += await flow.gather(
                flow.step("left", act, world, (2, "left"), op, attempt, given),
                flow.step("right", act, world, (2, "right"), op, attempt, given),
            )
            await flow.ask(BOOK, Enter(op))
            heard.append(await flow.signal("say", str))
            await flow.sleep(0.2)
            tokens.append(await self._last(op, list(tokens), flow))
        except Cancelled:
            await flow.step("undo", act, world, (9, "undo"), op, attempt, [])
            raise
        return tokens, heard

    async def _last(self, op: str, given: list[str], flow: FlowContext) -> str:
        work = (flow.resource(World), (3, "last"), op, flow.attempt, given, True)
        try:
            return await flow.step("last", act, *work, at_most_once=True)
        except OutcomeUnknown:
            return "unknown"

    async def came_back(self, end: tuple[list[str], list[str]], context: Context) -> None:
        """It is done."""
        self.state.ends.append(("done", *end))

    async def gave_up(self, error: VareonError, context: Context) -> None:
        """It is not."""
        self.state.ends.append((error.code, [], []))

    @query(creates=True)
    async def read(self, message: GetEnds, context: Context) -> list[End]:
        """How it ended, each time."""
        return self.state.ends

    def _demand_flow(self) -> None:
        if not self.state.op:
            raise Conflict("It has not begun.")


class BookState(State):
    """How often each operation was entered."""

    entries: dict[str, int] = msgspec.field(default_factory=dict)


class Enter(Request[int], frozen=True):
    """Enter an operation."""

    op: str


class GetEntries(Request[dict[str, int]], frozen=True):
    """All of them."""


@entity("book", idle_after=2.0)
class Book(Entity[BookState]):
    """Is asked by flows."""

    @command(creates=True)
    async def enter(self, message: Enter, context: Context) -> int:
        """Enter one."""
        self.state.entries[message.op] = self.state.entries.get(message.op, 0) + 1
        return len(self.state.entries)

    @query(creates=True)
    async def read(self, message: GetEntries, context: Context) -> dict[str, int]:
        """All entries."""
        return self.state.entries


class ErrandPart(Part):
    """Runs errands at once; a third of them is cancelled in place of the second signal."""

    entities = (
        Errand,
        Book,
    )

    async def work(self) -> None:
        """See the class."""
        pauses = [number * 0.8 + self.rng.uniform(0, 1.0) for number in range(ERRANDS)]
        await asyncio.gather(*(self._run(number, pauses[number]) for number in range(ERRANDS)))

    async def finish(self) -> None:
        """Note how every one ended."""
        errands = [EntityId("errand", str(number)) for number in range(ERRANDS)]

        async def rests() -> bool:
            return all([await self.look(errand, GetEnds()) for errand in errands])

        await self.set_clocks_ahead()
        await self.until(rests)
        entries = await self.look(BOOK, GetEntries())
        ops = {
            made.entity: made.message_id.hex() for made in self.client.made if made.kind == "flow"
        }
        for errand in errands:
            ends = await self.look(errand, GetEnds())
            self.note("errand", errand, {"ends": ends, "booked": entries.get(ops[errand], 0)})

    async def _run(self, number: int, pause_s: float) -> None:
        errand = EntityId("errand", str(number))
        await asyncio.sleep(pause_s)
        op = (await self.do("flow", errand, RunErrand())).message_id.hex()
        await asyncio.sleep(self.rng.uniform(0, 1.0))
        await self.do("signal", errand, Say(), op)
        await asyncio.sleep(self.rng.uniform(0, 2.0))
        if number % 3 == 1:
            await self.do("cancel", errand, CallOff(), op)
        else:
            await self.do("signal", errand, Say(), op)
