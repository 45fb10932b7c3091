"""An entity of which something is always under way: what an upgrade must carry on with."""

from __future__ import annotations

from vareon_runtime.entity import (
    Context,
    Entity,
    FlowContext,
    Message,
    Misfire,
    Request,
    State,
    Tick,
    command,
    entity,
    flow,
    query,
    reminder,
)
from vareon_runtime.identity import EntityId

A_DAY_S = 86_400.0


class WardState(State):
    steps: int = 0
    ticks: int = 0
    outcome: str = "under way"
    flow_id: bytes = b""


class Release(Message, frozen=True):
    """What the flow waits for."""

    by: str


class Admit(Request[bool], frozen=True):
    """Begin everything."""


class LetGo(Request[bool], frozen=True):
    """Let the flow end."""

    by: str


class CountStep(Request[int], frozen=True):
    """A step of the flow was done."""


class GetWard(Request[list[str]], frozen=True):
    """How far everything is."""


@entity("ward", exposed=True)
class Ward(Entity[WardState]):
    """A reminder once a day, and a flow that waits for a word."""

    @command(creates=True)
    async def admit(self, message: Admit, context: Context) -> bool:
        await context.remind("daily", every=A_DAY_S, misfire=Misfire.ONE)
        self.state.flow_id = context.start(
            self.stay(self.key), then=self.left, failed=self.not_left
        )
        return True

    @command
    async def let_go(self, message: LetGo, context: Context) -> bool:
        context.signal(self.state.flow_id, "release", Release(message.by))
        return True

    @query
    async def ward(self, message: GetWard, context: Context) -> list[str]:
        return [str(self.state.steps), str(self.state.ticks), self.state.outcome]

    @command
    async def count_step(self, message: CountStep, context: Context) -> int:
        self.state.steps += 1
        return self.state.steps

    @reminder
    async def daily(self, tick: Tick, context: Context) -> None:
        """Count the days."""
        self.state.ticks += 1

    @flow()
    async def stay(self, key: str, flow: FlowContext) -> str:
        """One step that must not be done again, then wait."""
        count = await flow.ask(EntityId("ward", key), CountStep())
        released = await flow.signal("release", Release)
        return f"step {count}, released by {released.by}"

    async def left(self, outcome: str, context: Context) -> None:
        """It has ended."""
        self.state.outcome = outcome

    async def not_left(self, error: Exception, context: Context) -> None:
        """It must not fail."""
        self.state.outcome = f"failed: {error}"
