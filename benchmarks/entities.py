"""The entity that is measured: small state, one durable and one volatile command."""

from __future__ import annotations

from vareon_runtime.entity import Context, Entity, Request, State, command, entity


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

    @command(creates=True, durable=False)
    async def touch(self, message: Touch, context: Context) -> int:
        """Count in memory."""
        self.state.total += message.by
        return self.state.total
