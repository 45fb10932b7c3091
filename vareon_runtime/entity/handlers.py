"""Decorators that bind handlers to messages, and the table they make.

Everything that can be checked is checked when the class is created, so that a mistake stops
the process at import, not a message at night.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args, get_origin, get_type_hints, overload

from sqlalchemy import Table

from vareon_runtime.entity.context import Later
from vareon_runtime.entity.effect import Effect, EffectContext
from vareon_runtime.entity.flow import Flow, FlowContext
from vareon_runtime.entity.reminder import MARK as REMINDER_MARK
from vareon_runtime.entity.reminder import checked_method
from vareon_runtime.errors import ConfigurationError
from vareon_runtime.message import Message, State, reply_type
from vareon_runtime.storage.base import Base

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])
C = TypeVar("C", bound=type)

_MARK = "__vareon_handler__"


@dataclass(frozen=True, slots=True)
class HandlerOptions:
    """How one message is treated.

    Attributes:
        kind: ``command`` changes state, ``query`` only reads.
        creates: Whether it may bring the entity into being.
        durable: Whether the caller's reply waits for a commit with its inbox row.
    """

    kind: str
    creates: bool = False
    durable: bool = True


@dataclass(frozen=True, slots=True)
class Handler:
    """A method bound to the message type of its annotation."""

    method: Callable[..., Awaitable[Any]]
    message: type[Message]
    reply: Any
    options: HandlerOptions


@dataclass(frozen=True, slots=True)
class EffectHandler:
    """An effect method and the types of its arguments."""

    effect: Effect[Any, ..., Any]
    arguments: tuple[Any, ...]
    wants_context: bool


@dataclass(frozen=True, slots=True)
class HandlerTable:
    """What an entity class can do."""

    kind: str
    state: type[State]
    idle_after_s: float
    mailbox_limit: int
    exposed: bool
    row: Table | None
    columns: tuple[str, ...]
    messages: dict[str, Handler] = field(default_factory=dict)
    effects: dict[str, EffectHandler] = field(default_factory=dict)
    reminders: dict[str, Callable[..., Awaitable[Any]]] = field(default_factory=dict)


@overload
def command(method: F) -> F: ...
@overload
def command(*, creates: bool = False, durable: bool = True) -> Callable[[F], F]: ...
def command(
    method: F | None = None, *, creates: bool = False, durable: bool = True
) -> F | Callable[[F], F]:
    """Bind a method to a message that asks for a change.

    Args:
        method: The method, when used without parentheses.
        creates: Whether the message may bring the entity into being.
        durable: False means at most once and nothing written.
    """
    mark = _mark(HandlerOptions("command", creates, durable))
    return mark(method) if method is not None else mark


@overload
def query(method: F) -> F: ...
@overload
def query(*, creates: bool = False) -> Callable[[F], F]: ...
def query(method: F | None = None, *, creates: bool = False) -> F | Callable[[F], F]:
    """Bind a method to a message that only reads. Nothing is written for it.

    Args:
        method: The method, when used without parentheses.
        creates: Whether it also answers where nothing exists yet, from the state's defaults.
    """
    mark = _mark(HandlerOptions("query", creates, durable=False))
    return mark(method) if method is not None else mark


def _mark(options: HandlerOptions) -> Callable[[F], F]:
    def decorate(target: F) -> F:
        setattr(target, _MARK, options)
        return target

    return decorate


def entity(
    kind: str,
    *,
    idle_after: float = 300.0,
    mailbox_limit: int = 1_000,
    exposed: bool = False,
    row: type[Base] | None = None,
) -> Callable[[C], C]:
    """Make a class an entity kind.

    Args:
        kind: First part of its addresses, lower-case.
        idle_after: Seconds without work after which it leaves memory.
        mailbox_limit: Messages that may wait; more are refused as overloaded.
        exposed: Whether signed-in users may reach it at ``/api/entities``; each user then has
            keys of their own.
        row: The product's table whose row this state is. Columns named like state fields are
            written with every change, and ``id`` is the key.
    """

    def decorate(klass: C) -> C:
        table = row.__table__ if row is not None else None
        state = _state_type(klass)
        columns = tuple(
            name
            for name in getattr(state, "__struct_fields__", ())
            if isinstance(table, Table) and name in table.columns
        )
        built = HandlerTable(
            kind,
            state,
            idle_after,
            mailbox_limit,
            exposed,
            table if isinstance(table, Table) else None,
            columns,
        )
        for name, member in inspect.getmembers(klass):
            if isinstance(member, Effect):
                built.effects[name] = _effect_handler(klass, member)
            elif hasattr(member, REMINDER_MARK):
                built.reminders[name] = checked_method(klass, member)
            elif hasattr(member, _MARK):
                handler = _handler(klass, member)
                if handler.message.__name__ in built.messages:
                    raise ConfigurationError(
                        f"{klass.__name__} handles {handler.message.__name__} twice."
                    )
                built.messages[handler.message.__name__] = handler
        klass.handlers = built  # type: ignore[attr-defined]
        return klass

    return decorate


def _state_type(klass: type) -> type[State]:
    for parent in klass.__mro__:
        for base in parent.__dict__.get("__orig_bases__", ()):
            arguments = get_args(base)
            if arguments and isinstance(arguments[0], type) and issubclass(arguments[0], State):
                return arguments[0]
    raise ConfigurationError(f"{klass.__name__} must derive from Entity[ItsState].")


def _handler(klass: type, method: Callable[..., Awaitable[Any]]) -> Handler:
    where = f"{klass.__name__}.{method.__name__}"
    if not inspect.iscoroutinefunction(method):
        raise ConfigurationError(f"{where} must be an async method.")
    names = list(inspect.signature(method).parameters)
    hints = get_type_hints(method)
    if len(names) != 3:
        raise ConfigurationError(f"{where} takes (self, message, context).")
    message = hints.get(names[1])
    if not (isinstance(message, type) and issubclass(message, Message)):
        raise ConfigurationError(f"{where} must annotate its message with a Message type.")
    declared, returned = reply_type(message), hints.get("return")
    if get_origin(returned) is Later:
        returned = get_args(returned)[0]
    if declared is not None and returned != declared:
        raise ConfigurationError(
            f"{where} returns {returned}, but {message.__name__} is answered with {declared}."
        )
    return Handler(method, message, returned, getattr(method, _MARK))


def _effect_handler(klass: type, member: Effect[Any, ..., Any]) -> EffectHandler:
    names = list(inspect.signature(member.method).parameters)[1:]
    hints = get_type_hints(member.method)
    missing = [name for name in names if name not in hints]
    if missing:
        raise ConfigurationError(
            f"{klass.__name__}.{member.method.__name__} must annotate {', '.join(missing)}."
        )
    last = hints[names[-1]] if names else None
    wanted = FlowContext if isinstance(member, Flow) else EffectContext
    wants_context = last is wanted
    if last in (EffectContext, FlowContext) and not wants_context:
        raise ConfigurationError(
            f"{klass.__name__}.{member.method.__name__} is given a {wanted.__name__}."
        )
    if wanted is FlowContext and not wants_context:
        raise ConfigurationError(
            f"{klass.__name__}.{member.method.__name__} must take a FlowContext as its last."
        )
    typed = names[:-1] if wants_context else names
    return EffectHandler(member, tuple(hints[name] for name in typed), wants_context)
