"""Reminders as an author writes them: what is asked for, who handles it, and what he is given."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Generator
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, get_type_hints

from vareon_runtime.entity.schedule import Misfire, Schedule
from vareon_runtime.errors import ConfigurationError
from vareon_runtime.identity import Principal
from vareon_runtime.message import Message

if TYPE_CHECKING:
    from vareon_runtime.entity.handlers import HandlerTable

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])

NAME_LIMIT = 60
MARK = "__vareon_reminder__"


class Tick(NamedTuple):
    """What a ``@reminder`` method is given.

    Attributes:
        name: The reminder's.
        due: When it was due, UTC.
        missed: Ticks besides this one that were left out, because nobody could handle them; at
            most 1,000.
    """

    name: str
    due: datetime
    missed: int


class AskedReminder(NamedTuple):
    """A reminder that a turn asks for.

    Attributes:
        schedule: The rule.
        due_ms: When its first tick is due.
        handler: The ``@reminder`` method or, if there is a message, that message's name.
        message: What the tick brings.
        principal: On whose behalf it is asked for.
    """

    schedule: Schedule
    due_ms: int
    handler: str
    message: Message | None
    principal: Principal | None


class Noted:
    """Something that has been done already, and may be awaited all the same."""

    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        """Nothing to wait for."""
        yield from ()


NOTED = Noted()


class When(NamedTuple):
    """What an author gave of the four ways to say when; exactly one is meant."""

    after: float | None
    at: datetime | None
    every: float | None
    cron: str | None

    def plan(self, now_s: float, zone: str, misfire: Misfire) -> tuple[Schedule, int]:
        """The schedule and its first tick.

        Raises:
            ConfigurationError: If not exactly one is given, or one is wrong.
        """
        if sum(way is not None for way in self) != 1:
            raise ConfigurationError("A reminder takes one of after, at, every and cron.")
        now_ms = round(now_s * 1000)
        every_ms = round((self.every or 0) * 1000)
        if self.every is not None and every_ms <= 0:
            raise ConfigurationError("A reminder's period is longer than nothing.")
        schedule = Schedule(every_ms, self.cron or "", zone, misfire).checked()
        if self.every is not None:
            return schedule, now_ms + every_ms
        if self.after is not None:
            return schedule, now_ms + round(self.after * 1000)
        if self.at is not None:
            if self.at.tzinfo is None:
                raise ConfigurationError("A reminder's moment needs a time zone.")
            return schedule, round(self.at.timestamp() * 1000)
        first_ms = schedule.first_after(now_ms)
        assert first_ms is not None, "checked above"  # noqa: S101 - narrows the type
        return schedule, first_ms


def reminder(method: F) -> F:
    """Bind a method to the reminder of its own name.

    It takes ``(self, tick: Tick, context: Context)``.
    """
    setattr(method, MARK, True)
    return method


def checked_method(klass: type, method: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
    """A ``@reminder`` method, once its shape is known to be right.

    Raises:
        ConfigurationError: If it is not.
    """
    where = f"{klass.__name__}.{method.__name__}"
    if not inspect.iscoroutinefunction(method):
        raise ConfigurationError(f"{where} must be an async method.")
    names = list(inspect.signature(method).parameters)
    if len(names) != 3 or get_type_hints(method).get(names[1]) is not Tick:
        raise ConfigurationError(f"{where} takes (self, tick: Tick, context).")
    if len(method.__name__) > NAME_LIMIT:
        raise ConfigurationError(f"{where} has a name longer than {NAME_LIMIT} characters.")
    return method


def handler_of(name: str, message: Message | None, handlers: HandlerTable | None) -> str:
    """The method or message that handles a reminder.

    Args:
        name: The reminder's name.
        message: The message it brings, if any.
        handlers: What its entity can do; None where that is not known.

    Raises:
        ConfigurationError: If nobody would handle it.
    """
    if not 0 < len(name) <= NAME_LIMIT:
        raise ConfigurationError(f"A reminder's name has 1 to {NAME_LIMIT} characters.")
    if message is None:
        if handlers is not None and name not in handlers.reminders:
            raise ConfigurationError(
                f"A {handlers.kind} has no @reminder method '{name}'; write one, or give a message."
            )
        return name
    kind = type(message).__name__
    if handlers is not None:
        handler = handlers.messages.get(kind)
        if handler is None or handler.options.kind != "command":
            raise ConfigurationError(f"A {handlers.kind} has no @command for {kind}.")
    return kind
