"""Entities whose histories can be judged: a log, a bank, a courier and a volatile counter."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from vareon_runtime.entity import (
    Context,
    EffectContext,
    Entity,
    Later,
    Request,
    State,
    backoff,
    command,
    effect,
    entity,
    query,
)
from vareon_runtime.errors import VareonError
from vareon_runtime.identity import EntityId

OPENED_WITH = 1_000
PATIENT = backoff(attempts=200, first_s=0.05, longest_s=1.0)


class World:
    """What lies outside the engine and never fails: it notes what reaches it.

    Attributes:
        note: `Simulation.record` of the simulation that it belongs to.
        end_host: Ends the host that calls it, and notes on account of which operation.
    """

    note: Callable[..., None]
    end_host: Callable[[str], None]
    _counted = 0

    def count(self) -> int:
        """One more each time."""
        self._counted += 1
        return self._counted

    async def deliver(self, op: str, step: int, key: str, *, at_most_once: bool = False) -> None:
        """Take a delivery; the call lasts a moment before and after it counts."""
        await asyncio.sleep(0.004)
        value = {"key": key, "step": step, "at_most_once": at_most_once}
        self.note("delivery", op=op, kind="deliver", value=value)
        await asyncio.sleep(0.3 if at_most_once else 0.004)


class LogState(State):
    """What was appended, in order."""

    ids: list[str] = msgspec.field(default_factory=list)


class Append(Request[int], frozen=True):
    """Append this message's id; answered with the length that the log has then."""


class ReadAll(Request[list[str]], frozen=True):
    """Everything that was appended."""


class Explode(Request[int], frozen=True):
    """End the host."""


@entity("log", idle_after=2.0)
class Log(Entity[LogState]):
    """Appends ids."""

    @command(creates=True)
    async def append(self, message: Append, context: Context) -> int:
        """Append one id."""
        self.state.ids.append(context.message_id.hex())
        return len(self.state.ids)

    @command(creates=True)
    async def explode(self, message: Explode, context: Context) -> int:
        """End the host; there is no answer."""
        context.resource(World).end_host(context.message_id.hex())
        await asyncio.Event().wait()
        return 0

    @query(creates=True)
    async def read(self, message: ReadAll, context: Context) -> list[str]:
        """All ids."""
        return list(self.state.ids)


class AccountState(State):
    """Money, and why it moved."""

    balance: int = OPENED_WITH
    moves: list[tuple[str, int]] = msgspec.field(default_factory=list)


class Move(Request[int], frozen=True):
    """Add to the balance; ``op`` is the transfer that it belongs to."""

    op: str
    amount: int


class Received(Request[None], frozen=True):
    """The same, sent by another account."""

    op: str
    amount: int


class Pay(Request[int], frozen=True):
    """Send money to another account."""

    to: str
    amount: int


class Statement(Request[dict[str, Any]], frozen=True):
    """Balance and moves."""


@entity("account", idle_after=2.0)
class Account(Entity[AccountState]):
    """Holds money."""

    @command(creates=True)
    async def move(self, message: Move, context: Context) -> int:
        """One side of a transfer that an effect makes."""
        return self._book(message.op, message.amount)

    @command(creates=True)
    async def pay(self, message: Pay, context: Context) -> int:
        """Both sides of a transfer: this one now, the other by a send."""
        op = context.message_id.hex()
        context.send(EntityId("account", message.to), Received(op, message.amount))
        return self._book(op, -message.amount)

    @command(creates=True)
    async def receive(self, message: Received, context: Context) -> None:
        """The other side of a `pay`."""
        self._book(message.op, message.amount)

    @query(creates=True)
    async def statement(self, message: Statement, context: Context) -> dict[str, Any]:
        """Everything."""
        return {"balance": self.state.balance, "moves": self.state.moves}

    def _book(self, op: str, amount: int) -> int:
        self.state.moves.append((op, amount))
        self.state.balance += amount
        return self.state.balance


class DeskState(State):
    """How many transfers it has made."""

    made: int = 0


class Transfer(Request[int], frozen=True):
    """Move money from one account to another."""

    source: str
    target: str
    amount: int


@entity("desk", idle_after=2.0)
class Desk(Entity[DeskState]):
    """Makes transfers by asking two accounts from an effect."""

    @command(creates=True)
    async def transfer(self, message: Transfer, context: Context) -> Later[int]:
        """Begin one; answered when both sides are booked."""
        op = context.message_id.hex()
        return context.after(
            self.book(op, message.source, message.target, message.amount), then=self.booked
        )

    @effect(retry=PATIENT)
    async def book(
        self, op: str, source: str, target: str, amount: int, context: EffectContext
    ) -> None:
        """Ask both accounts."""
        await context.ask(EntityId("account", source), Move(op, -amount), timeout_s=4.0)
        await context.ask(EntityId("account", target), Move(op, amount), timeout_s=4.0)

    async def booked(self, _: None, context: Context) -> int:
        """Count it."""
        self.state.made += 1
        return self.state.made


class CourierState(State):
    """How many letters were brought."""

    brought: int = 0


class Deliver(Request[int], frozen=True):
    """Bring so many letters to the world outside, one after another."""

    letters: int


class Hand(Request[bool], frozen=True):
    """Bring one letter at most once; answered with whether it is known to have been brought."""


@entity("courier", idle_after=2.0)
class Courier(Entity[CourierState]):
    """Delivers to the outside by an effect."""

    @command(creates=True)
    async def deliver(self, message: Deliver, context: Context) -> Later[int]:
        """Begin; answered when the last letter was brought."""
        op = context.message_id.hex()
        return context.after(self.bring(op, message.letters), then=self.brought)

    @effect(retry=PATIENT)
    async def bring(self, op: str, letters: int, context: EffectContext) -> int:
        """Each letter under a key of its own, stable over reruns."""
        for step in range(letters):
            key = f"{context.effect_id.hex()}/{step}"
            await context.resource(World).deliver(op, step, key)
        return letters

    async def brought(self, letters: int, context: Context) -> int:
        """Count them."""
        self.state.brought += letters
        return self.state.brought

    @command(creates=True)
    async def hand(self, message: Hand, context: Context) -> Later[bool]:
        """Begin; answered when it is over."""
        op = context.message_id.hex()
        return context.after(self.bring_once(op), then=self.handed, failed=self.perhaps)

    @effect(at_most_once=True)
    async def bring_once(self, op: str, context: EffectContext) -> None:
        """Never called again, whatever happens."""
        key = context.effect_id.hex()
        await context.resource(World).deliver(op, 0, key, at_most_once=True)

    async def handed(self, _: None, context: Context) -> bool:
        """It was brought."""
        self.state.brought += 1
        return True

    async def perhaps(self, error: VareonError, context: Context) -> bool:
        """It may have been brought."""
        return False


class CounterState(State):
    """A count that may be lost."""

    count: int = 0


class Bump(Request[int], frozen=True):
    """Count one more, if it arrives."""


@entity("counter", idle_after=2.0)
class Counter(Entity[CounterState]):
    """Counts without writing anything."""

    @command(creates=True, durable=False)
    async def bump(self, message: Bump, context: Context) -> int:
        """Count."""
        context.resource(World).note(
            "handled", op=context.message_id.hex(), entity=str(context.entity_id)
        )
        self.state.count += 1
        return self.state.count


ENTITIES: list[type[Entity[Any]]] = [Log, Account, Desk, Courier, Counter]
