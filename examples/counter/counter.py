"""A counter that is durable, addressable and answers over HTTP: ten lines, and four to read it."""

from vareon_runtime.entity import Context, Entity, Request, State, command, entity, query


class CounterState(State):
    total: int = 0


class Add(Request[int]):
    amount: int = 1


class GetCount(Request[int]): ...


@entity("counter", exposed=True)
class Counter(Entity[CounterState]):
    @command(creates=True)
    async def add(self, message: Add, context: Context) -> int:
        self.state.total += message.amount
        return self.state.total

    @query
    async def count(self, message: GetCount, context: Context) -> int:
        return self.state.total
