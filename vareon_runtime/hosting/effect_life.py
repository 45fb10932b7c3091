"""An effect or flow in a host's memory, from the turn that starts it to the commit of its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Table

from vareon_runtime import codec
from vareon_runtime.entity.context import SentSignal
from vareon_runtime.errors import InvalidMessage, QuotaExceeded
from vareon_runtime.hosting.delivery import Resulted
from vareon_runtime.hosting.effect_call import RunningEffect
from vareon_runtime.storage.changes import RowChange
from vareon_runtime.storage.tables import JournalRow, SignalRow

JOURNAL: Table = JournalRow.__table__  # type: ignore[assignment]
SIGNALS: Table = SignalRow.__table__  # type: ignore[assignment]

SIGNALS_LIMIT = 1_000
NAME_LIMIT = 60
BODY_LIMIT = 1 << 20
CANCEL = 0
"""The number of the row that says: stop. Signals count from 1."""


class EffectLife:
    """See the module."""

    __slots__ = (
        "cancelled",
        "coming",
        "conflicted",
        "effect",
        "ended",
        "holds",
        "is_flow",
        "leave",
        "marked",
        "news",
        "next_number",
        "redelivered",
        "result",
        "returns",
        "signals",
        "taken",
        "task",
    )

    def __init__(self, effect: RunningEffect, *, is_flow: bool) -> None:
        self.effect = effect
        self.is_flow = is_flow
        self.task: asyncio.Task[None] | None = None
        self.ended = False
        """A turn has taken its result, and is on its way to the disk."""
        self.marked = is_flow or effect.record.attempts > 1
        """Rows of it may lie in the journal or among the signals."""
        self.cancelled = False
        self.conflicted = False
        self.redelivered = 0
        self.result: Resulted | None = None
        """Its end, once the outside work is done."""
        self.holds: set[int] = set()
        """What it does now that must not be cut off by a change of owner."""
        self.leave = False
        """It is to stop once it may, because its shard goes to another host."""
        self.returns = False
        """Its shard stays after all: it is to begin again once it has left."""
        self.signals: dict[int, tuple[str, bytes]] = {}
        """Those that wait, by number."""
        self.coming = 0
        """Those on their way to the disk."""
        self.taken: set[int] = set()
        self.next_number = 1
        self.news: Callable[[], None] | None = None
        """Called when it is cancelled or told something."""

    def load(self, rows: list[dict[str, Any]]) -> None:
        """Take up what the database holds."""
        for row in rows:
            self.marked = True
            if row["number"] == CANCEL:
                self.cancelled = True
            elif row["number"] not in self.taken:
                self.tell(row["number"], row["name"], row["body"])
        if self.cancelled:
            self._announce()

    def tell(self, number: int, name: str, body: bytes) -> None:
        """A signal is durable."""
        self.marked = True
        self.signals[number] = (name, body)
        self.next_number = max(self.next_number, number + 1)
        self._announce()

    def cancel(self) -> None:
        """A cancellation is durable."""
        self.marked = self.cancelled = True
        self._announce()

    def take(self, name: str) -> tuple[int, bytes] | None:
        """The oldest signal of a name, which then waits no more."""
        for number in sorted(self.signals):
            if self.signals[number][0] == name:
                self.taken.add(number)
                return number, self.signals.pop(number)[1]
        return None

    def farewell(self, *, keeps_journal: bool = False) -> list[RowChange]:
        """What goes with its end; a flow that was set aside keeps its journal, to go on with it."""
        if not self.marked:
            return []
        where = {"effect_id": self.effect.record.effect_id}
        rows = [RowChange("delete", SIGNALS, {}, where)]
        if not keeps_journal:
            rows.append(RowChange("delete", JOURNAL, {}, where))
        return rows

    def _announce(self) -> None:
        if self.news is not None:
            self.news()


def cancel_row(effect_id: bytes) -> RowChange:
    """The row that makes a cancellation durable."""
    values = {"effect_id": effect_id, "number": CANCEL, "name": "", "body": b""}
    return RowChange("upsert", SIGNALS, values, {})


def signal_row(
    life: EffectLife | None, flow_id: bytes, name: str, body: Any, earlier: int
) -> tuple[SentSignal, RowChange]:
    """A signal with its number, and its row.

    Args:
        life: The flow; None if it begins with the commit of this very turn.
        flow_id: Its id.
        name: What the flow waits for it by.
        body: Anything msgpack-encodable.
        earlier: How many the same turn has sent it already.

    Raises:
        InvalidMessage: If it is too large.
        QuotaExceeded: If too many wait.
    """
    encoded = codec.encode(body)
    if len(name) > NAME_LIMIT or len(encoded) > BODY_LIMIT:
        raise InvalidMessage(
            f"A signal has a name of at most {NAME_LIMIT} characters and {BODY_LIMIT:,} bytes."
        )
    waiting = earlier + (len(life.signals) + life.coming if life is not None else 0)
    if waiting >= SIGNALS_LIMIT:
        raise QuotaExceeded(f"{SIGNALS_LIMIT:,} signals wait for this flow already.", 1.0)
    number = life.next_number if life is not None else earlier + 1
    if life is not None:
        life.next_number += 1
    values: Mapping[str, Any] = {
        "effect_id": flow_id,
        "number": number,
        "name": name,
        "body": encoded,
    }
    return SentSignal(flow_id, number, name, encoded), RowChange("insert", SIGNALS, values, {})
