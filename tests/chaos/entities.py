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
    Request,
    State,
    backoff,
    command,
    effect,
    entity,
    query,
)
from vareon_runtime.errors import Conflict, UpstreamUnreachable, VareonError
from vareon_runtime.identity import EntityId

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
    """How far it is."""

    op: str = ""
    sink: str = ""
    done: int = 0
    failure: str = ""


class Begin(Request[bool]):
    """Do five steps, each of which delivers something to the sink."""

    op: str
    sink: str


class GetProgress(Request[int]):
    """How many steps are done; -1 if one could not be."""


@entity("chaos_flow", exposed=True)
class Flow(Entity[FlowState]):
    """Five steps, one after the other, each an effect outside."""

    @command(creates=True)
    async def begin(self, message: Begin, context: Context) -> bool:
        """Begin the first step."""
        self.state.op, self.state.sink = message.op, message.sink
        self._next(context)
        return True

    @effect(retry=backoff(attempts=40, first_s=0.1, longest_s=1.0), timeout_s=30)
    async def deliver(self, sink: str, op: str, step: int, context: EffectContext) -> int:
        """Reach the world outside, under the effect's own key."""
        call = {"op": op, "step": step, "key": context.effect_id.hex()}
        timeout = aiohttp.ClientTimeout(SINK_PATIENCE_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(sink, json=call) as answer,
            ):
                answer.raise_for_status()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UpstreamUnreachable(f"The sink does not answer: {error}.") from error
        return step

    async def delivered(self, step: int, context: Context) -> None:
        """Go on with the next one."""
        self.state.done = step
        if step < STEPS:
            self._next(context)

    async def stuck(self, error: VareonError, context: Context) -> None:
        """Keep why it ended."""
        self.state.failure = error.detail

    @query
    async def get_progress(self, message: GetProgress, context: Context) -> int:
        """What its client waits for."""
        return -1 if self.state.failure else self.state.done

    def _next(self, context: Context) -> None:
        call = self.deliver(self.state.sink, self.state.op, self.state.done + 1)
        context.start(call, then=self.delivered, failed=self.stuck)
