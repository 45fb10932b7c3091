"""Hashing passwords: slow on purpose, so never on the event loop and never unbounded."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import bcrypt

from vareon_runtime.errors import InvalidMessage, QuotaExceeded

SHORTEST = 8
LONGEST = 1024
COST = 12
QUEUE_PER_THREAD = 16

_NOBODY = b"$2b$12$R1cfc8oWOJUtsV8A7C0oK.Tc5YMb8SpaLee6NkjiQgiMxRngM5jbK"
"""Checked when the user is unknown, so that both answers take as long."""

T = TypeVar("T")


class Passwords:
    """A pool of one thread for each core, with a bounded queue before it."""

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="password")
        self._places = self._threads * QUEUE_PER_THREAD
        self._taken = 0

    async def hashed(self, password: str) -> str:
        """What is stored of a new password.

        Raises:
            InvalidMessage: If it is too short or too long.
            QuotaExceeded: If too many are being checked already.
        """
        secret = _bytes(password)
        if not SHORTEST <= len(secret) <= LONGEST:
            raise InvalidMessage(f"A password has {SHORTEST} to {LONGEST} bytes.")
        digest = await self._run(bcrypt.hashpw, _digest(secret), bcrypt.gensalt(COST))
        return digest.decode()

    async def matches(self, password: str, stored: str | None) -> bool:
        """Whether this is the password; takes as long when there is no such user.

        Raises:
            QuotaExceeded: If too many are being checked already.
        """
        known = (stored or "").encode()
        secret = _digest(_bytes(password)[: LONGEST + 1])
        return await self._run(_check, secret, known or _NOBODY) and bool(known)

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[..., T], *arguments: bytes) -> T:
        if self._taken >= self._places:
            raise QuotaExceeded("Too many sign-ins at once; try again shortly.", 1.0)
        self._taken += 1
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._pool, work, *arguments)
        # A caller that goes away does not free its place: the thread is still busy.
        future.add_done_callback(self._freed)
        return await asyncio.shield(future)

    def _freed(self, future: asyncio.Future[T]) -> None:
        self._taken -= 1
        if not future.cancelled():
            future.exception()


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


def _digest(secret: bytes) -> bytes:
    # bcrypt reads 72 bytes and stops at a zero byte; a digest in base64 is safe from both.
    return base64.b64encode(hashlib.sha256(secret).digest())


def _check(secret: bytes, stored: bytes) -> bool:
    try:
        return bcrypt.checkpw(secret, stored)
    except ValueError:
        return False
