"""An entity of one's own: a counter that is durable, addressable and answers over HTTP."""

from vareon_runtime.entity import Context, Entity, Request, State, command, entity, query


class CounterState(State):
    """What a counter remembers."""

    total: int = 0


class Add(Request[int], frozen=True):
    """Count further."""

    amount: int = 1


class GetCount(Request[int], frozen=True):
    """How far it has counted."""


@entity("counter", exposed=True)
class Counter(Entity[CounterState]):
    """Counts, and never forgets."""

    @command(creates=True)
    async def add(self, message: Add, context: Context) -> int:
        """Add to the total."""
        self.state.total += message.amount
        return self.state.total

    @query
    async def count(self, message: GetCount, context: Context) -> int:
        """The total."""
        return self.state.total
