"""The entity that is measured: small state, one durable and one volatile command."""

from __future__ import annotations

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

    @command(creates=True, durable=False)
    async def touch(self, message: Touch, context: Context) -> int:
        """Count in memory."""
        self.state.total += message.by
        return self.state.total
