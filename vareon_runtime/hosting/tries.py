"""Trying outside work again, as its author allows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from vareon_runtime.clock import Clock
from vareon_runtime.entity.effect import RetryPolicy
from vareon_runtime.errors import DeadlineExceeded, Refused, VareonError
from vareon_runtime.telemetry import event

T = TypeVar("T")


async def tries(
    clock: Clock,
    name: str,
    once: Callable[[], Awaitable[T]],
    policy: RetryPolicy,
    timeout_s: float | None,
    *,
    at_most_once: bool,
    shown: Callable[[], bool],
) -> T:
    """Run something until it succeeds, must not be tried again, or has been tried enough.

    Args:
        clock: Waits between tries.
        name: For the log.
        once: One try.
        policy: How often, and how long to wait in between.
        timeout_s: When a single try is given up.
        at_most_once: Try again only after errors which say that nothing happened.
        shown: Whether readers have seen something of it, so that it must not begin anew.
    """
    tried = 0
    while True:
        tried += 1
        try:
            return await _limited(once, timeout_s)
        except VareonError as error:
            again = error.retryable and (not at_most_once or isinstance(error, Refused))
            if not again or shown() or tried >= policy.attempts:
                raise
            event("effect_retried", effect=name, code=error.code, tried=tried)
            await clock.sleep(max(error.retry_after_s or 0, policy.wait_s(tried)))


async def _limited(once: Callable[[], Awaitable[T]], timeout_s: float | None) -> T:
    try:
        async with asyncio.timeout(timeout_s) as limit:
            return await once()
    except TimeoutError as error:
        if limit.expired():
            raise DeadlineExceeded(f"It did not end within {timeout_s:g} s.") from None
        raise error
