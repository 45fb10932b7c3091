"""An entity whose author leaves behind what cannot be encoded, stored or waited for."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from vareon_runtime.entity import (
    Context,
    Entity,
    Event,
    Request,
    State,
    Tick,
    command,
    effect,
    entity,
    query,
    reminder,
)
from vareon_runtime.errors import VareonError
from vareon_runtime.identity import EntityId


class Elsewhere(DeclarativeBase):
    """Tables that no migration makes."""


class UnmadeRow(Elsewhere):
    """A row of a table that is not there."""

    __tablename__ = "unmade"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)


class Slowness:
    """Lets a test hold a turn, and know that it got there."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.open = asyncio.Event()


class CarelessState(State):
    count: int = 0
    told: str = ""
    thing: Any = None


class Shown(Event):
    thing: Any = None


class Act(Request[int]):
    """Count one, and leave behind what the message says."""

    how: str = "well"


class Begin(Request[bool]):
    """Start an effect whose result is taken as the message says."""

    how: str


class Pass(Request[bool]):
    """Send it on."""

    to: str
    how: str


class Wake(Request[bool]):
    """Be woken, and then do what the message says."""

    how: str


class PeekAndSend(Request[int]):
    """A query that wants to send something all the same."""


class Pair(Request[dict[tuple[int, int], int]]):
    """Answered with what JSON cannot say."""


class GetTold(Request[tuple[int, str]]):
    """How many were counted, and what an effect came to."""


@entity("careless", exposed=True)
class Careless(Entity[CarelessState]):
    """See the module."""

    def __init__(self, key: str, state: CarelessState) -> None:
        if key == "unmakeable":
            raise ZeroDivisionError
        super().__init__(key, state)

    async def catch_up(self, position: Any, context: Context) -> Any:
        """Cannot."""
        raise ZeroDivisionError

    async def _leave(self, how: str, context: Context) -> None:
        self.state.count += 1
        if how == "state":
            self.state.thing = object()
        elif how == "event":
            context.emit(Shown(object()))
        elif how == "call":
            context.start(self.echo(object()), then=self.took)
        elif how == "row":
            context.insert(UnmadeRow, id="x")  # type: ignore[arg-type]
        elif how == "slow":
            slowness = context.resource(Slowness)
            slowness.reached.set()
            await slowness.open.wait()

    @command(creates=True)
    async def act(self, message: Act, context: Context) -> int:
        await self._leave(message.how, context)
        return self.state.count

    @command(creates=True)
    async def pair(self, message: Pair, context: Context) -> dict[tuple[int, int], int]:
        self.state.count += 1
        return {(1, 2): 3}

    @command(creates=True)
    async def begin(self, message: Begin, context: Context) -> bool:
        context.start(self.echo(message.how), then=self.took, failed=self.missed)
        return True

    @effect()
    async def echo(self, how: Any) -> str:
        return str(how)

    async def took(self, how: str, context: Context) -> None:
        await self._leave(how, context)
        self.state.told = "taken"

    async def missed(self, error: VareonError, context: Context) -> None:
        self.state.told = error.code

    @command(creates=True)
    async def hand_on(self, message: Pass, context: Context) -> bool:
        context.send(EntityId("careless", message.to), Act(message.how))
        return True

    @command(creates=True)
    async def wake(self, message: Wake, context: Context) -> bool:
        self.state.told = message.how
        await context.remind("alarm", after=0.01)
        return True

    @reminder
    async def alarm(self, tick: Tick, context: Context) -> None:
        await self._leave(self.state.told, context)

    @query(creates=True)
    async def peek(self, message: PeekAndSend, context: Context) -> int:
        context.send(EntityId("careless", "b"), Act())
        return self.state.count

    @query(creates=True)
    async def told(self, message: GetTold, context: Context) -> tuple[int, str]:
        return self.state.count, self.state.told
