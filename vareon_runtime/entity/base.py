"""The class that a domain author derives from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar

from vareon_runtime.entity.context import Context
from vareon_runtime.entity.handlers import HandlerTable
from vareon_runtime.message import Delta, Event, Message, Position, Reset, State

StateT = TypeVar("StateT", bound=State)


class Entity(Generic[StateT]):
    """A durable, addressable thing. One turn at a time; see `docs/engine.md`.

    Attributes:
        key: The part of its address after the kind.
        state: What it remembers. A turn that fails leaves it as it was.
        exists: False until a turn that creates it has finished.
    """

    handlers: ClassVar[HandlerTable]

    def __init__(self, key: str, state: StateT) -> None:
        self.key = key
        self.state = state
        self.exists = False

    def permit(self, message: Message | None, context: Context) -> None:
        """Refuse a caller, by raising; asked before every message and subscription.

        ``message`` is None for a subscription. Raise `NotFound` where the caller must not
        learn that the entity exists.
        """

    async def catch_up(
        self, position: Position, context: Context
    ) -> Sequence[Event | Delta | Reset]:
        """What a reader at this position missed of streams that are over by now.

        That is the rest of the stream it names, if that has ended, and the streams that began
        and ended after it. What is still running is shown by the engine. A generation of 0
        stands for a reader that has seen nothing yet.
        """
        return ()

    async def activated(self, context: Any) -> None:
        """Called once the state is loaded, before the first turn; reads, never changes."""
