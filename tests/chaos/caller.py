"""One client over HTTP that never gives up early, and writes down every attempt."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import aiohttp

from vareon_runtime.testing.history import Record

PATIENCE_S = 60.0
ATTEMPT_S = 15.0
PAUSE_S = (0.03, 0.25)
"""Between two attempts; at random, or everybody would come back in the order in which they left."""
SERVER_ERRORS = 500
NOTHING_HAPPENED = frozenset({"overloaded", "quota_exceeded", "starting"})
MAY_HAVE_HAPPENED = frozenset(
    {"unavailable", "deadline_exceeded", "stale_owner", "store_failed", "unknown", "still_running"}
)
ALL_REFUSALS = frozenset({"conflict"})


class Refused(Exception):
    """The system said no, and nothing happened."""


class NeverEnded(Exception):
    """No attempt ended within the patience that clients have."""


class History:
    """A client process's records of one round."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8")

    def note(self, phase: str, **fields: Any) -> None:
        """Write a record with the time of now."""
        self._file.write(Record(phase, time.monotonic_ns(), **fields).line() + "\n")

    def close(self) -> None:
        """No more records come."""
        self._file.close()


@dataclass(slots=True)
class Operation:
    """What is asked: the fields of its history records, and the request that carries it.

    Attributes:
        noted: Whether attempts are records; a look at how far something is, is none.
    """

    op: str
    entity: str
    kind: str
    message: str
    body: dict[str, Any] | None = field(default_factory=dict)
    value: Any = None
    noted: bool = True


class Caller:
    """Sends operations, each under one id until it has ended.

    Args:
        session: Carries address and token.
        history: Where attempts are written down.
        name: The client in the history.
        random: Chooses its pauses.
    """

    def __init__(
        self, session: aiohttp.ClientSession, history: History, name: str, random: Random
    ) -> None:
        self.name = name
        self._random = random
        self.history = history
        self._session = session

    async def call(self, operation: Operation) -> Any:
        """Do it, however many attempts that takes; returns the reply.

        Raises:
            Refused: By a refusal that a repeat would not change.
            NeverEnded: If it takes longer than any operation may.
        """
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            self._note("invoke", operation, operation.value)
            phase, value = await self._attempt(operation)
            self._note(phase, operation, value)
            if phase == "ok":
                return value
            if phase == "fail" and value not in NOTHING_HAPPENED:
                raise Refused(value)
            await asyncio.sleep(self._random.uniform(*PAUSE_S))
        raise NeverEnded(operation.op)

    def _note(self, phase: str, operation: Operation, value: Any) -> None:
        if operation.noted:
            self.history.note(
                phase,
                client=self.name,
                op=operation.op,
                entity=operation.entity,
                kind=operation.kind,
                value=value,
            )

    async def _attempt(self, operation: Operation) -> tuple[str, Any]:
        url = f"/api/entities/{operation.entity}/{operation.message}"
        try:
            async with asyncio.timeout(ATTEMPT_S):
                if operation.body is None:
                    asking = self._session.get(url)
                else:
                    headers = {"Idempotency-Key": operation.op}
                    asking = self._session.post(url, json=operation.body, headers=headers)
                async with asking as answer:
                    status, text = answer.status, await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return "info", type(error).__name__
        if status == 200:
            return "ok", json.loads(text)
        return self._refusal(operation, status, text)

    def _refusal(self, operation: Operation, status: int, text: bytes) -> tuple[str, str]:
        try:
            problem = json.loads(text)
            code = str(problem.get("code") or problem["type"]).rpartition(":")[2]
        except (ValueError, KeyError, AttributeError):
            code = f"status {status}"
        if code in NOTHING_HAPPENED or code in ALL_REFUSALS:
            return "fail", code
        if code in MAY_HAVE_HAPPENED:
            return "info", code
        self.history.note(
            "error",
            client=self.name,
            op=operation.op,
            entity=operation.entity,
            value=f"status {status}: {text[:300].decode(errors='replace')}",
        )
        return ("fail" if status < SERVER_ERRORS else "info"), code
