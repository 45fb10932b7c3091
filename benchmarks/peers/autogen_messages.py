"""AutoGen core: messages to agents of its in-process runtime, nothing stored, a second."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from autogen_core import (
    AgentId,
    MessageContext,
    RoutedAgent,
    SingleThreadedAgentRuntime,
    message_handler,
)
from load import load, tell

CONCURRENT = 100
EACH = 50


@dataclass
class Touch:
    """The message."""

    by: int


class Tally(RoutedAgent):
    """Counts in memory."""

    def __init__(self) -> None:
        super().__init__("Counts.")
        self._total = 0

    @message_handler
    async def touch(self, message: Touch, ctx: MessageContext) -> Touch:
        """Count."""
        self._total += message.by
        return Touch(self._total)


async def main() -> None:
    """One run."""
    runtime = SingleThreadedAgentRuntime()
    await Tally.register(runtime, "tally", Tally)
    runtime.start()
    await load(lambda n: runtime.send_message(Touch(1), AgentId("tally", str(n))), 10, 10)
    tell(
        await load(
            lambda n: runtime.send_message(Touch(1), AgentId("tally", str(n))), CONCURRENT, EACH
        )
    )
    await runtime.stop()


if __name__ == "__main__":
    asyncio.run(main())
