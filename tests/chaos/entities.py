"""The entities that chaos works on: an append log, a bank account and a flow of five steps."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
from msgspec import field

from vareon_runtime.entity import (
    Context,
    EffectContext,
    Entity,
    FlowContext,
    Later,
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
from vareon_runtime.errors import Conflict, UpstreamUnreachable, VareonError
from vareon_runtime.identity import EntityId

PATIENT = backoff(attempts=40, first_s=0.1, longest_s=1.0)
STEPS = 5
OPENED_WITH = 1_000_000
SINK_PATIENCE_S = 5.0


class LogState(State):
    """Everything that was appended."""

    ids: list[str] = field(default_factory=list)


class Append(Request[int]):
    """Append an id; ``hold_s`` keeps the turn unfinished for so long, so that kills find it."""

    op: str
    hold_s: float = 0.0


class GetAll(Request[list[str]]):
    """Read everything."""


@entity("chaos_log", exposed=True)
class Log(Entity[LogState]):
    """Grows at its end."""

    @command(creates=True)
    async def append(self, message: Append, context: Context) -> int:
        """Answer with the id's place."""
        if message.hold_s:
            await asyncio.sleep(message.hold_s)
        self.state.ids.append(message.op)
        return len(self.state.ids)

    @query
    async def get_all(self, message: GetAll, context: Context) -> list[str]:
        """All of it."""
        return self.state.ids


class AccountState(State):
    """Money, and every movement by the transfer that made it."""

    balance: int = 0
    moves: list[tuple[str, int]] = field(default_factory=list)


class Open(Request[int]):
    """Begin with what every account begins with."""


class Transfer(Request[int]):
    """Move money to another account of the same owner."""

    op: str
    to: str
    amount: int


class Credit(Request[int]):
    """The other half of a transfer."""

    op: str
    amount: int


class GetAccount(Request[dict[str, Any]]):
    """Balance and movements."""


@entity("chaos_account", exposed=True)
class Account(Entity[AccountState]):
    """Money leaves here in one turn and arrives there in another; nothing in between is lost."""

    @command(creates=True)
    async def open(self, message: Open, context: Context) -> int:
        """Put the first money in."""
        self.state.balance = OPENED_WITH
        return self.state.balance

    @command
    async def transfer(self, message: Transfer, context: Context) -> int:
        """Take it from here and send it on, both or neither."""
        if self.state.balance < message.amount:
            raise Conflict("There is not enough money.")
        self._move(message.op, -message.amount)
        owner = self.key.partition(":")[0]
        other = EntityId("chaos_account", f"{owner}:{message.to}")
        context.send(other, Credit(op=message.op, amount=message.amount))
        return self.state.balance

    @command
    async def credit(self, message: Credit, context: Context) -> int:
        """Take what another account gives."""
        self._move(message.op, message.amount)
        return self.state.balance

    @query
    async def get_account(self, message: GetAccount, context: Context) -> dict[str, Any]:
        """What the checker needs."""
        return {
            "opened_with": OPENED_WITH,
            "balance": self.state.balance,
            "moves": self.state.moves,
        }

    def _move(self, op: str, amount: int) -> None:
        self.state.balance += amount
        self.state.moves.append((op, amount))


class FlowState(State):
    """How often it was begun."""

    begun: int = 0


class Begin(Request[int]):
    """Do five steps, each of which delivers something to the sink."""

    op: str
    sink: str


class CallOnce(Request[str]):
    """Deliver something at most once."""

    op: str
    sink: str


@entity("chaos_flow", exposed=True)
class Flow(Entity[FlowState]):
    """Reaches the world outside: in a flow of five steps, or at most once."""

    @command(creates=True)
    async def begin(self, message: Begin, context: Context) -> Later[int]:
        """Answered once all steps are done."""
        self.state.begun += 1
        return context.after(self.five_steps(message.op, message.sink), then=self.done)

    @flow()
    async def five_steps(self, op: str, sink: str, flow: FlowContext) -> int:
        """One step after the other."""

        async def deliver(step: int, context: StepContext) -> int:
            await reach(sink, op=op, step=step, key=context.idempotency_key)
            return step

        done = 0
        for step in range(1, STEPS + 1):
            done = await flow.step(f"deliver {step}", deliver, step, retry=PATIENT)
        return done

    async def done(self, steps: int, context: Context) -> int:
        """Answer."""
        return steps

    @command(creates=True)
    async def call_once(self, message: CallOnce, context: Context) -> Later[str]:
        """Answered with what is known of it."""
        self.state.begun += 1
        call = self.deliver_once(message.op, message.sink)
        return context.after(call, then=self.delivered, failed=self.in_doubt)

    @effect(at_most_once=True)
    async def deliver_once(self, op: str, sink: str, context: EffectContext) -> str:
        """Reach the world outside, and never again."""
        await reach(sink, op=op, step=1, key=context.idempotency_key, at_most_once=True)
        return "delivered"

    async def delivered(self, told: str, context: Context) -> str:
        """Answer."""
        return told

    async def in_doubt(self, error: VareonError, context: Context) -> str:
        """Whoever cares must look for themselves."""
        return error.code


async def reach(sink: str, **call: Any) -> None:
    """Deliver something outside.

    Raises:
        UpstreamUnreachable: If nobody takes it.
    """
    timeout = aiohttp.ClientTimeout(SINK_PATIENCE_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(sink, json=call) as answer,
        ):
            answer.raise_for_status()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise UpstreamUnreachable(f"The sink does not answer: {error}.") from error
