"""An order that is fulfilled by a flow, and the outside world that it deals with."""

from __future__ import annotations

import asyncio
from typing import Any

from vareon_runtime.entity import (
    Context,
    EffectContext,
    Entity,
    FlowContext,
    Later,
    Message,
    Request,
    State,
    StepContext,
    backoff,
    command,
    effect,
    entity,
    flow,
    query,
)
from vareon_runtime.errors import Cancelled, Overloaded, UpstreamTimeout, VareonError
from vareon_runtime.identity import EntityId

STOCK = EntityId("stock", "main")


class World:
    """Counts what is done outside, and lets a test hold it there."""

    def __init__(self) -> None:
        self.entered: asyncio.Queue[str] = asyncio.Queue()
        self.held: dict[str, asyncio.Event] = {}
        self.calls: list[tuple[str, str]] = []
        self.errors: dict[str, list[VareonError]] = {}
        self.answer: Any = None

    def hold(self, *names: str) -> None:
        """Let nobody past these until `let`."""
        for name in names:
            self.held[name] = asyncio.Event()

    def let(self, name: str) -> None:
        """Let them past."""
        self.held[name].set()

    async def do(self, name: str, key: str) -> str:
        """Something outside."""
        self.entered.put_nowait(name)
        if name in self.held:
            await self.held[name].wait()
        self.calls.append((name, key))
        waiting = self.errors.get(name)
        if waiting:
            raise waiting.pop(0)
        if f"{name}-done" in self.held:
            self.entered.put_nowait(f"{name}-done")
            await self.held[f"{name}-done"].wait()
        return f"{name} ok"

    def names(self) -> list[str]:
        """What was done, in order."""
        return [name for name, _ in self.calls]


class Approval(Message, frozen=True):
    by: str


class OrderState(State):
    status: str = "new"
    flow_id: bytes = b""
    ends: int = 0


class Place(Request[str], frozen=True):
    plan: str


class Begin(Request[bytes], frozen=True):
    plan: str


class Approve(Request[bool], frozen=True):
    by: str
    count: int = 1


class Abort(Request[bool], frozen=True):
    pass


class GetStatus(Request[str], frozen=True):
    pass


class GetEnds(Request[int], frozen=True):
    """How many results were taken."""


class Reserve(Request[int], frozen=True):
    pass


class StockState(State):
    taken: int = 0


class Deliver(Request[str], frozen=True):
    pass


class Relay(Request[tuple[float, float, int]], frozen=True):
    """Ask the stock through an effect: the effect's deadline, the ask's, and the epoch."""


class Linger(Request[bool], frozen=True):
    """Start an effect that takes its time to stop."""


class GetDeadline(Request[float], frozen=True):
    """When its asker gives up."""


@entity("stock")
class Stock(Entity[StockState]):
    """Counts what is reserved."""

    @command(creates=True)
    async def reserve(self, message: Reserve, context: Context) -> int:
        self.state.taken += 1
        return self.state.taken

    @command(creates=True)
    async def deadline(self, message: GetDeadline, context: Context) -> float:
        await context.resource(World).do("deadline", "")
        return context.deadline_s or 0.0


@entity("order")
class Order(Entity[OrderState]):
    """Fulfilled as its plan says."""

    @command(creates=True)
    async def place(self, message: Place, context: Context) -> Later[str]:
        later = context.after(
            self.fulfil(message.plan), then=self.fulfilled, failed=self.not_fulfilled
        )
        self.state.flow_id = later.effect_id
        return later

    @command(creates=True)
    async def begin(self, message: Begin, context: Context) -> bytes:
        self.state.flow_id = context.start(
            self.fulfil(message.plan), then=self.fulfilled, failed=self.not_fulfilled
        )
        return self.state.flow_id

    @command
    async def approve(self, message: Approve, context: Context) -> bool:
        for _ in range(message.count):
            context.signal(self.state.flow_id, "approved", Approval(message.by))
        return True

    @command
    async def abort(self, message: Abort, context: Context) -> bool:
        context.cancel(self.state.flow_id)
        return True

    @query
    async def status(self, message: GetStatus, context: Context) -> str:
        return self.state.status

    @query
    async def ends(self, message: GetEnds, context: Context) -> int:
        return self.state.ends

    @command(creates=True)
    async def deliver(self, message: Deliver, context: Context) -> Later[str]:
        later = context.after(self.hand_out(), then=self.fulfilled, failed=self.not_fulfilled)
        self.state.flow_id = later.effect_id
        return later

    @effect(at_most_once=True, retry=backoff(attempts=3, first_s=0.001))
    async def hand_out(self, context: EffectContext) -> str:
        return await context.resource(World).do("hand out", context.idempotency_key)

    @command(creates=True)
    async def relay(self, message: Relay, context: Context) -> Later[tuple[float, float, int]]:
        return context.after(self.ask_stock(), then=self.asked)

    @effect()
    async def ask_stock(self, context: EffectContext) -> tuple[float, float, int]:
        given = await context.ask(STOCK, GetDeadline())
        return context.deadline_s or 0.0, given, context.epoch

    async def asked(
        self, found: tuple[float, float, int], context: Context
    ) -> tuple[float, float, int]:
        self.state.status = "asked"
        return found

    @command(creates=True)
    async def linger(self, message: Linger, context: Context) -> bool:
        self.state.flow_id = context.start(
            self.lingering(), then=self.fulfilled, failed=self.not_fulfilled
        )
        return True

    @effect()
    async def lingering(self, context: EffectContext) -> str:
        world = context.resource(World)
        try:
            return await world.do("linger", context.idempotency_key)
        except asyncio.CancelledError:
            await world.do("stop", "")
            raise

    @flow(timeout_s=10_000)
    async def fulfil(self, plan: str, flow: FlowContext) -> str:
        world = flow.resource(World)

        async def outside(name: str, step: StepContext) -> str:
            return await world.do(name, step.idempotency_key)

        try:
            done = [await self._part(part, outside, flow) for part in plan.split(" ")]
        except Cancelled:
            await flow.step("refund", outside, "refund")
            await flow.step("apologise", outside, "apologise")
            raise
        return ", ".join(done)

    async def _part(self, part: str, outside: Any, flow: FlowContext) -> str:
        if part == "stock":
            return f"taken {await flow.ask(STOCK, Reserve())}"
        if part == "sleep":
            await flow.sleep(3_600)
            return "slept"
        if part == "signal":
            return f"by {(await flow.signal('approved', Approval)).by}"
        if part == "patience":
            return f"by {(await flow.signal('approved', Approval, timeout_s=60)).by}"
        if part == "both":
            return "+".join(
                await flow.gather(
                    flow.step("left", outside, "left"), flow.step("right", outside, "right")
                )
            )
        if part == "names":
            flow.resource(World).answer = (await flow.now(), await flow.new_id())
            return "named"
        once, _, name = part.rpartition(":")
        return await flow.step(
            name, outside, name, at_most_once=bool(once), retry=backoff(3, first_s=0.001)
        )

    async def fulfilled(self, result: str, context: Context) -> str:
        self.state.status = result
        self.state.ends += 1
        return result

    async def not_fulfilled(self, error: VareonError, context: Context) -> str:
        self.state.status = f"{error.code}: {error.detail}"
        return self.state.status


@entity("order")
class ChangedOrder(Entity[Order.handlers.state]):
    """The same kind after its author changed the flow."""

    pays = "pay by card"

    @command(creates=True)
    async def begin(self, message: Begin, context: Context) -> bytes:
        return b""

    @flow()
    async def fulfil(self, plan: str, flow: FlowContext) -> str:
        if self.pays.startswith("+"):
            do, names = flow.resource(World).do, self.pays[1:].split(",")
            await flow.gather(*(flow.step(name, do, name, "changed") for name in names))
        for name in self.pays.split(","):
            try:
                await flow.step(name, flow.resource(World).do, name, "changed")
            except VareonError:
                """Even a flow that takes no notice is stopped."""
        return "went on"

    async def fulfilled(self, result: str, context: Context) -> None:
        self.state.status = result

    not_fulfilled = Order.not_fulfilled
    status = Order.status


NOTHING_HAPPENED = Overloaded("Not now.")
PERHAPS = UpstreamTimeout("It was silent.")
