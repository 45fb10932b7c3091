"""Entities that the engine's own tests run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from msgspec import field

from vareon_runtime.entity import (
    Context,
    Delta,
    EffectContext,
    Entity,
    Event,
    Later,
    Position,
    Request,
    Reset,
    State,
    backoff,
    command,
    effect,
    entity,
    query,
)
from vareon_runtime.errors import Conflict, InvalidMessage, NotFound, UpstreamTimeout
from vareon_runtime.identity import EntityId
from vareon_runtime.models import UserRow


class Gate:
    """Lets a test hold an effect, and know that it got there."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.open = asyncio.Event()
        self.calls: list[str] = []

    async def pass_through(self, name: str) -> None:
        """Say that somebody is here, and wait until they may go on."""
        self.calls.append(name)
        self.reached.set()
        await self.open.wait()


class BenchState(State):
    count: int = 0
    username: str = ""
    notes: list[str] = field(default_factory=list)


class Add(Request[int]):
    by: int = 1


class AddBriefly(Request[int]):
    by: int = 1


class GetCount(Request[int]):
    pass


class AddThenFail(Request[int]):
    how: str


class SlowlyAdd(Request[int]):
    pass


class TakeName(Request[bool]):
    name: str


class Delegate(Request[str]):
    fails: bool = False


class Start(Request[bool]):
    stream: str


class Stop(Request[bool]):
    pass


class Remove(Request[bool]):
    pass


class Flaky(Request[int]):
    failures: int


class Spoken(Event):
    stream: str
    text: str

    def ends(self) -> str:
        return self.stream


@entity("bench", exposed=True, mailbox_limit=5)
class Bench(Entity[BenchState]):
    """Does a little of everything."""

    effect_id: bytes = b""

    def permit(self, message: object, context: Context) -> None:
        if context.principal is not None and context.principal.user_id == "stranger":
            raise NotFound("Bench not found.")

    @command(creates=True)
    async def add(self, message: Add, context: Context) -> int:
        self.state.count += message.by
        return self.state.count

    @command(creates=True, durable=False)
    async def add_briefly(self, message: AddBriefly, context: Context) -> int:
        self.state.count += message.by
        return self.state.count

    @query
    async def count(self, message: GetCount, context: Context) -> int:
        return self.state.count

    @command(creates=True)
    async def add_then_fail(self, message: AddThenFail, context: Context) -> int:
        self.state.count += 100
        if message.how == "refuse":
            raise Conflict("No.")
        raise ZeroDivisionError

    @command
    async def slowly_add(self, message: SlowlyAdd, context: Context) -> int:
        before = self.state.count
        await context.resource(Gate).pass_through("turn")
        self.state.count = before + 1
        return self.state.count

    @command(creates=True)
    async def take_name(self, message: TakeName, context: Context) -> bool:
        self.state.username = message.name
        now = context.now()
        context.upsert(
            UserRow,
            id=self.key,
            username=message.name,
            hashed_password="x",
            is_active=True,
            created_at=now,
            updated_at=now,
        )
        return True

    @command(creates=True)
    async def delegate(self, message: Delegate, context: Context) -> Later[str]:
        return context.after(self.work(message.fails), then=self.worked)

    @effect()
    async def work(self, fails: bool, context: EffectContext) -> str:
        await context.resource(Gate).pass_through("work")
        if fails:
            raise InvalidMessage("It cannot be done.")
        count = await context.ask(EntityId("bench", "other"), Add(by=1))
        return f"attempt {context.attempt}, other {count}"

    async def worked(self, result: str, context: Context) -> str:
        self.state.notes.append(result)
        return result

    @command(creates=True)
    async def start(self, message: Start, context: Context) -> bool:
        self.effect_id = context.start(
            self.speak(message.stream), then=self.spoke, failed=self.silenced
        )
        return True

    @command
    async def stop(self, message: Stop, context: Context) -> bool:
        context.cancel(self.effect_id)
        return True

    @effect()
    async def speak(self, stream: str, context: EffectContext) -> str:
        context.write(stream, f"try {context.attempt}: ")
        context.write(stream, "one ")
        await context.resource(Gate).pass_through("speak")
        if stream == "unheard":
            return stream
        context.write(stream, "two")
        return f"try {context.attempt}: one two"

    async def spoke(self, text: str, context: Context) -> None:
        if text == "unheard":
            raise ZeroDivisionError
        self.state.notes.append(text)
        context.emit(Spoken("s", text))

    async def silenced(self, error: Exception, context: Context) -> None:
        context.emit(Spoken("s", f"failed: {getattr(error, 'code', '?')}"))

    @command
    async def remove(self, message: Remove, context: Context) -> bool:
        context.delete()
        return True

    @command(creates=True)
    async def flaky(self, message: Flaky, context: Context) -> Later[int]:
        return context.after(self.fail_at_first(message.failures), then=self.survived)

    @effect(retry=backoff(attempts=3, first_s=0.001))
    async def fail_at_first(self, failures: int, context: EffectContext) -> int:
        calls = context.resource(Gate).calls
        calls.append("flaky")
        if len(calls) <= failures:
            raise UpstreamTimeout("Not yet.")
        return len(calls)

    async def survived(self, tries: int, context: Context) -> int:
        return tries

    async def catch_up(
        self, position: Position, context: Context
    ) -> Sequence[Event | Delta | Reset]:
        return [Spoken(position.stream, text) for text in self.state.notes[-1:]]
