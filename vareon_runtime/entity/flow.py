"""Flows: durable coroutines. What they have done is journaled, and is not done again."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, get_type_hints

from vareon_runtime.entity.effect import Effect, RetryPolicy
from vareon_runtime.identity import EntityId, Principal
from vareon_runtime.message import Request

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class StepContext:
    """What a step's function receives if it declares one as its last parameter."""

    flow_id: bytes
    number: int
    """Which step of the flow this is, from 1."""
    idempotency_key: str
    """Stable over reruns: what to give to the outside, so that it does a thing once."""
    epoch: int
    """Rises with every owner of the entity: a device that has seen a higher one says no."""


class FlowContext(Protocol):
    """What a flow may use; every flow takes it as its last parameter.

    A flow may be run again from its start at any time, by the next owner of its entity. Whatever
    it awaits here has a number, given when it is called, and an outcome, which is journaled before
    the flow goes on: a rerun gets the outcomes it had and goes on where there is none yet. So
    between two awaits a flow decides from outcomes alone: the time, new ids, chance, and what
    other tasks do come from steps.
    """

    entity_id: EntityId
    flow_id: bytes
    attempt: int
    """1 at first; higher each time another life of a host goes on with it."""
    epoch: int
    """Rises with every owner of the entity."""
    principal: Principal | None

    def step(
        self,
        name: str,
        work: Callable[..., Awaitable[T]],
        *arguments: Any,
        retry: RetryPolicy | None = None,
        timeout_s: float = 300.0,
        at_most_once: bool = False,
        returns: Any = None,
    ) -> Awaitable[T]:
        """Do something outside, and journal its value or its error.

        It is done at least once: if the host dies in the midst of it, the next one does it again.

        Args:
            name: Says what it does; part of the journal, by which changed code is noticed.
            work: The function; see `StepContext` for its key.
            arguments: What it is called with.
            retry: What to do when it fails with a retryable error; once by default.
            timeout_s: When a single try is given up, in seconds.
            at_most_once: As for effects: never twice, and `OutcomeUnknown` in doubt.
            returns: The type of its value, if its annotation does not say.
        """
        ...

    def ask(self, target: EntityId, message: Request[R], timeout_s: float = 60.0) -> Awaitable[R]:
        """Ask another entity, under an id derived from the flow and the ask's number.

        What may pass, such as a full disk or a queue of the other side, is waited for: it is asked
        again under the same id for ``timeout_s`` seconds. Then the error is the outcome.
        """
        ...

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Wait, through any number of restarts."""
        ...

    def signal(self, name: str, kind: type[T], timeout_s: float | None = None) -> Awaitable[T]:
        """The next signal of this name that a turn of the entity sent, or has sent already.

        Raises:
            DeadlineExceeded: If there is none within ``timeout_s`` seconds, restarts included.
        """
        ...

    def gather(self, *operations: Awaitable[Any]) -> Awaitable[list[Any]]:
        """Do several of these at once. All end; then the first error in order is raised."""
        ...

    def now(self) -> Awaitable[datetime]:
        """The time, timezone-aware UTC, as it was when first asked for."""
        ...

    def new_id(self) -> Awaitable[str]:
        """A UUIDv7 as text, the same in every rerun."""
        ...

    def write(self, stream: str, text: str) -> None:
        """Append to a stream of the entity; its generation is this attempt."""
        ...

    def resource(self, kind: type[R]) -> R:
        """Something the host was given, such as a connection pool."""
        ...


class Flow(Effect[S, P, T]):
    """A method turned into a flow. Calling it on the entity only describes the call."""


def flow(
    *, timeout_s: float | None = None
) -> Callable[[Callable[Concatenate[S, P], Awaitable[T]]], Flow[S, P, T]]:
    """Declare a flow: ``@flow()``. It is started and cancelled as an effect is.

    Args:
        timeout_s: How long it may take in all, from its start. Then `DeadlineExceeded` is raised
            where it waits, once, so that it may undo what it did.
    """

    def decorate(method: Callable[Concatenate[S, P], Awaitable[T]]) -> Flow[S, P, T]:
        return Flow(method, RetryPolicy(), timeout_s)

    return decorate


def step_shape(work: Callable[..., Any], returns: Any) -> tuple[Any, bool]:
    """The type of a step's value, and whether its function wants a `StepContext`."""
    try:
        hints = get_type_hints(work)
        names = list(inspect.signature(work).parameters)
    except (TypeError, NameError, ValueError):
        return (Any if returns is None else returns), False
    wants_context = bool(names) and hints.get(names[-1]) is StepContext
    if returns is None:
        returns = hints.get("return", Any) if inspect.iscoroutinefunction(work) else Any
    return (Any if isinstance(returns, TypeVar) else returns), wants_context
