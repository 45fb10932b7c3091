"""Work outside a turn: declared on the entity, started by a commit, its result a turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, overload

from sqlalchemy import Executable

from vareon_runtime.identity import EntityId, Principal
from vareon_runtime.message import Request

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a failed effect is tried again.

    Attributes:
        attempts: Tries in all within one host.
        first_s: Wait before the second try; each later one doubles it.
        longest_s: The wait never exceeds this.
    """

    attempts: int = 1
    first_s: float = 0.2
    longest_s: float = 10.0

    def wait_s(self, tried: int) -> float:
        """Seconds to wait after so many failed tries."""
        return min(self.longest_s, self.first_s * 2.0 ** (tried - 1))


def backoff(attempts: int, first_s: float = 0.2, longest_s: float = 10.0) -> RetryPolicy:
    """Try so many times, waiting twice as long each time."""
    return RetryPolicy(attempts, first_s, longest_s)


class EffectContext(Protocol):
    """What an effect may use; a method declares it as its last parameter to receive it."""

    entity_id: EntityId
    effect_id: bytes
    """Stable over reruns."""
    idempotency_key: str
    """The same as text: what to give to the outside, so that it does a thing once."""
    attempt: int
    """1 at first; higher after every host that died while running it."""
    epoch: int
    """Rises with every owner of the entity: a device that has seen a higher one says no."""
    deadline_s: float | None
    """When whoever waits for the answer gives up, in epoch seconds; None if nobody waits."""
    principal: Principal | None
    traceparent: str
    """Its trace and itself as W3C Trace Context, for a request to the outside."""

    async def ask(self, target: EntityId, message: Request[R], timeout_s: float | None = None) -> R:
        """Ask another entity. The id is derived, so a rerun receives the stored reply.

        Args:
            target: Whom.
            message: What.
            timeout_s: How long to wait. By default the caller's own deadline is passed on; once
                that is over, because accepted work goes on without its caller, 10 s.
        """
        ...

    def write(self, stream: str, text: str) -> None:
        """Append to a stream of this entity; its generation is this attempt."""
        ...

    async def read(self, statement: Executable, **parameters: Any) -> list[Any]:
        """Committed rows of a select with its bind parameters."""
        ...

    def resource(self, kind: type[R]) -> R:
        """Something the host was given, such as a connection pool."""
        ...


@dataclass(frozen=True, slots=True)
class EffectCall(Generic[T]):
    """An effect with its arguments, not started yet: what calling the method returns."""

    name: str
    arguments: tuple[Any, ...]


class Effect(Generic[S, P, T]):
    """A method turned into an effect. Calling it on the entity only describes the call."""

    def __init__(
        self,
        method: Callable[Concatenate[S, P], Awaitable[T]],
        retry: RetryPolicy,
        timeout_s: float | None,
        *,
        at_most_once: bool = False,
    ) -> None:
        self.method = method
        self.retry = retry
        self.timeout_s = timeout_s
        self.at_most_once = at_most_once
        self.__doc__ = method.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Effect[S, P, T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Callable[..., EffectCall[T]]: ...
    def __get__(self, instance: object | None, owner: type) -> Any:
        """Bind to an entity."""
        if instance is None:
            return self
        return self._describe

    def _describe(self, *arguments: Any) -> EffectCall[T]:
        return EffectCall(self.method.__name__, arguments)


def effect(
    *, retry: RetryPolicy | None = None, timeout_s: float = 300.0, at_most_once: bool = False
) -> Callable[[Callable[Concatenate[S, P], Awaitable[T]]], Effect[S, P, T]]:
    """Declare an effect: ``@effect(retry=backoff(attempts=3))``.

    It runs at least once after the turn that started it has committed, beside the mailbox,
    and is found again if its host dies. Arguments must be msgpack-encodable.

    Args:
        retry: What to do when it fails with a retryable error; once by default.
        timeout_s: When a single try is given up, in seconds.
        at_most_once: Its start is made durable before it runs, and it never runs again: if its
            host dies meanwhile, ``failed`` gets `OutcomeUnknown`. ``retry`` then applies only to
            errors which say that nothing happened, those below `Refused`.
    """
    policy = retry or RetryPolicy()

    def decorate(method: Callable[Concatenate[S, P], Awaitable[T]]) -> Effect[S, P, T]:
        return Effect(method, policy, timeout_s, at_most_once=at_most_once)

    return decorate
