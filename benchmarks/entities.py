"""The entity that is measured: small state, one durable and one volatile command."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import field

from vareon_runtime.entity import (
    Context,
    Entity,
    Message,
    Request,
    State,
    command,
    entity,
    query,
)
from vareon_runtime.identity import EntityId


class Burst(Request[int]):
    """Send so many one-way messages to a tally."""

    to: str
    count: int


class Count(Message):
    """The one-way message."""

    by: int = 1


class Total(Request[int]):
    """Read."""


class TallyState(State):
    """What a tally remembers."""

    total: int = 0


class Add(Request[int]):
    """Durable: answered after the commit of state and inbox row."""

    by: int = 1


class Weigh(Request[int]):
    """Durable, with a body of some size."""

    text: str


class Touch(Request[int]):
    """Volatile: answered at once, nothing written."""

    by: int = 1


@entity("tally", exposed=True)
class Tally(Entity[TallyState]):
    """Counts."""

    @command(creates=True)
    async def add(self, message: Add, context: Context) -> int:
        """Count durably."""
        self.state.total += message.by
        return self.state.total

    @command(creates=True)
    async def burst(self, message: Burst, context: Context) -> int:
        """Send."""
        for _ in range(message.count):
            context.send(EntityId("tally", message.to), Count())
        return message.count

    @command(creates=True)
    async def count(self, message: Count, context: Context) -> None:
        """Handle what was sent."""
        self.state.total += message.by

    @query(creates=True)
    async def read(self, message: Total, context: Context) -> int:
        """The total so far."""
        return self.state.total

    @command(creates=True)
    async def weigh(self, message: Weigh, context: Context) -> int:
        """Count durably how much came."""
        self.state.total += len(message.text)
        return self.state.total

    @command(creates=True, durable=False)
    async def touch(self, message: Touch, context: Context) -> int:
        """Count in memory."""
        self.state.total += message.by
        return self.state.total


class SetAlarms(Request[int]):
    """Set an alarm at each of these moments, in epoch milliseconds."""

    due_ms: list[int]


class Alarm(Message):
    """What an alarm brings."""

    number: int
    due_ms: int


class GetAlarms(Request[list[tuple[int, int]]]):
    """Which have rung, and how many milliseconds late."""


class SleeperState(State):
    """What a sleeper remembers."""

    rung: list[tuple[int, int]] = field(default_factory=list)


@entity("sleeper")
class Sleeper(Entity[SleeperState]):
    """Is woken."""

    @command(creates=True)
    async def set(self, message: SetAlarms, context: Context) -> int:
        """Set them."""
        for number, due_ms in enumerate(message.due_ms):
            due = datetime.fromtimestamp(due_ms / 1000, UTC)
            await context.remind(str(number), at=due, message=Alarm(number, due_ms))
        return len(message.due_ms)

    @command
    async def ring(self, message: Alarm, context: Context) -> None:
        """Note it."""
        late_ms = round(context.now().timestamp() * 1000) - message.due_ms
        self.state.rung.append((message.number, late_ms))

    @query
    async def alarms(self, message: GetAlarms, context: Context) -> list[tuple[int, int]]:
        """Tell."""
        return self.state.rung
