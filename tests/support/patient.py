"""An exposed entity that answers when a test lets it."""

from __future__ import annotations

import asyncio

from vareon_runtime.entity import (
    Context,
    EffectContext,
    Entity,
    Later,
    Request,
    State,
    command,
    effect,
    entity,
    query,
)


class PatientState(State):
    asked: int = 0


class Wait(Request[int]):
    by: int = 1


class Hold(Request[int]):
    by: int = 1


class GetAsked(Request[int]):
    pass


@entity("patient", exposed=True)
class Patient(Entity[PatientState]):
    """Counts what it was asked; the answer waits for `go`, a new event for each test."""

    reached = asyncio.Event()
    go = asyncio.Event()
    queries = 0

    @classmethod
    def again(cls) -> None:
        """Forget earlier tests."""
        cls.reached, cls.go, cls.queries = asyncio.Event(), asyncio.Event(), 0

    @command(creates=True)
    async def wait(self, message: Wait, context: Context) -> Later[int]:
        self.state.asked += message.by
        return context.after(self.pause(self.state.asked), then=self.waited)

    @command(creates=True)
    async def hold(self, message: Hold, context: Context) -> int:
        """The turn itself waits, and all others behind it."""
        self.state.asked += message.by
        self.reached.set()
        await self.go.wait()
        return self.state.asked

    @query
    async def asked(self, message: GetAsked, context: Context) -> int:
        Patient.queries += 1
        return self.state.asked

    @effect()
    async def pause(self, asked: int, context: EffectContext) -> int:
        self.reached.set()
        await self.go.wait()
        return asked

    async def waited(self, asked: int, context: Context) -> int:
        return asked
