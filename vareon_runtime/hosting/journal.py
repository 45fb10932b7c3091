"""What a flow, or an effect that must not run twice, has written down of its way."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from vareon_runtime import codec
from vareon_runtime.errors import InternalError, StoreFailed, VareonError
from vareon_runtime.hosting.effect_call import RunningEffect
from vareon_runtime.hosting.effect_life import JOURNAL
from vareon_runtime.hosting.outcome import stored_error, stored_reply
from vareon_runtime.storage.changes import RowChange
from vareon_runtime.storage.ports import Unit
from vareon_runtime.telemetry import failure

if TYPE_CHECKING:
    from vareon_runtime.hosting.host import Host

T = TypeVar("T")

OUTCOME_LIMIT = 1 << 20
ROWS_LIMIT = 20_000
REWRITE_S = 0.5
NOTE_EVERY = 10
"""After so many lives of hosts a flow notes that it has got somewhere."""

BEGUN = b""
"""In place of an outcome: it may have been done."""
OWN = 0
"""The number of the row about the whole; its steps count from 1."""

_OK, _FAILED, _DUE, _INTERRUPTED = 0, 1, 2, 3
_DUE_AT = struct.Struct("<Bd")
_UNTIL = struct.Struct("<BI")


class Journal:
    """The rows of one effect."""

    def __init__(self, host: Host, effect: RunningEffect) -> None:
        self._host = host
        self._effect = effect
        self._progress = 0
        """The attempt in which a flow last got somewhere, as far as it was noted."""

    async def load(self) -> dict[int, tuple[str, bytes]]:
        """Name and outcome by number; waits for the database for as long as it takes."""
        where = {"effect_id": self._effect.record.effect_id}
        while True:
            try:
                rows = await self._host.loader.call(self._find, where)
            except StoreFailed as error:
                failure("journal_not_read", error, entity=str(self._effect.target))
                await self._host.clock.sleep(REWRITE_S)
                continue
            return {row["number"]: (row["name"], row["outcome"]) for row in rows}

    def row(self, number: int, name: str, outcome: bytes) -> RowChange:
        """A row to write."""
        values = {
            "effect_id": self._effect.record.effect_id,
            "number": number,
            "name": name,
            "outcome": outcome,
        }
        return RowChange("upsert", JOURNAL, values, {})

    async def write(self, rows: list[RowChange]) -> None:
        """Make rows durable, however often the database refuses; returns when they are."""
        host = self._host
        while True:
            written = asyncio.get_running_loop().create_future()
            host.committer.submit(_Entry(Unit(self._effect.target, rows=rows), written))
            if await written is None:
                return
            await host.clock.sleep(REWRITE_S)

    async def note(
        self, number: int, name: str, outcome: bytes, beside: Sequence[RowChange] = ()
    ) -> None:
        """Make one row durable, and others with it."""
        await self.write([self.row(number, name, outcome), *beside, *self._got_somewhere()])

    async def rest(self) -> None:
        """Before a wait: hosts that end meanwhile are no fault of the flow's."""
        rows = self._got_somewhere()
        if rows:
            await self.write(rows)

    def got_to(self, known: dict[int, tuple[str, bytes]]) -> None:
        """Learn from the rows when the flow last got somewhere, and take out the one about it."""
        _, own = known.pop(OWN, ("", b""))
        self._progress = int.from_bytes(own, "big")

    @property
    def idle_lives(self) -> int:
        """Lives of hosts in which the flow got nowhere, this one included."""
        return self._effect.record.attempts - self._progress

    def _got_somewhere(self) -> list[RowChange]:
        if self.idle_lives < NOTE_EVERY:
            return []
        self._progress = self._effect.record.attempts
        return [self.row(OWN, "", self._progress.to_bytes(4, "big"))]

    def _find(self, where: dict[str, Any]) -> list[dict[str, Any]]:
        return self._host.store.find(JOURNAL, where, limit=ROWS_LIMIT)


class _Entry:
    """A unit whose writer waits for it."""

    def __init__(self, unit: Unit, written: asyncio.Future[VareonError | None]) -> None:
        self.unit = unit
        self.void = False
        self._written = written

    def committed(self) -> None:
        """It is durable."""
        if not self._written.done():
            self._written.set_result(None)

    def failed(self, error: VareonError) -> None:
        """It is not, or nobody knows."""
        if not self._written.done():
            self._written.set_result(error)


def value_outcome(name: str, value: Any) -> bytes:
    """What is written of a step that succeeded; an error, if its value cannot be kept."""
    try:
        outcome = stored_reply(value)
    except (TypeError, msgspec.MsgspecError) as error:
        return stored_error(InternalError(f"What {name} returned cannot be kept: {error}."))
    if len(outcome) > OUTCOME_LIMIT:
        return stored_error(
            InternalError(
                f"What {name} returned has {len(outcome):,} bytes, more than {OUTCOME_LIMIT:,}: "
                "store it elsewhere, and return where it is."
            )
        )
    return outcome


def due_outcome(due_s: float) -> bytes:
    """What is written of something that waits until a time, in epoch seconds."""
    return _DUE_AT.pack(_DUE, due_s)


def due_of(outcome: bytes | None) -> float | None:
    """The time it waits until, if that was written."""
    return _DUE_AT.unpack(outcome)[1] if outcome and outcome[0] == _DUE else None


def interrupted_outcome(until: int, error: VareonError) -> bytes:
    """What is written of steps that were cut off, all up to a number at once."""
    return _UNTIL.pack(_INTERRUPTED, until) + codec.encode_error(error)


def interruption_of(outcome: bytes) -> tuple[int, VareonError] | None:
    """Up to which number steps were cut off, and why."""
    if not outcome or outcome[0] != _INTERRUPTED:
        return None
    return _UNTIL.unpack_from(outcome)[1], codec.decode_error(outcome[_UNTIL.size :])


def is_final(outcome: bytes | None) -> bool:
    """Whether this is an outcome, not a note on the way to one."""
    return bool(outcome) and outcome is not None and outcome[0] != _DUE


def result_of(outcome: bytes, kind: Any) -> Any:
    """The value of an outcome.

    Raises:
        VareonError: If it is an error.
    """
    interruption = interruption_of(outcome)
    if interruption is not None:
        raise interruption[1]
    if outcome[0] == _FAILED:
        raise codec.decode_error(outcome[1:])
    return codec.decode(kind, outcome[1:])
