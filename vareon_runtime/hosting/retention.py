"""Deletes what has been kept long enough, a little at a time, between two commits."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Table

from vareon_runtime.errors import StaleOwner, StoreFailed
from vareon_runtime.hosting.effect_life import JOURNAL
from vareon_runtime.identity import EntityId
from vareon_runtime.storage.changes import RowChange
from vareon_runtime.storage.ports import InboxKey, Unit
from vareon_runtime.storage.tables import DeadLetterRow
from vareon_runtime.telemetry import failure

if TYPE_CHECKING:
    from vareon_runtime.hosting.host import Host

EVERY_S = 60.0
STEP_ROWS = 1_000
"""Rows looked at in one go: about two milliseconds that commits wait."""
STEP_LETTERS = 100
"""The same for dead letters, each of which may have a journal."""
STEP_S = 0.1
"""Pause between two steps; a tenth of it while most of what is seen is over."""
_DEAD_LETTERS: Table = DeadLetterRow.__table__  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Kept:
    """How long things are kept, in seconds.

    Attributes:
        inbox_s: Handled messages with their replies. Longer than the 24 h for which an id is good,
            so that a repeat is either answered from here or refused as expired.
        dead_letters_s: Messages that were given up on, and flows with their journals.
    """

    inbox_s: float = 26 * 3600.0
    dead_letters_s: float = 30 * 24 * 3600.0


KEPT = Kept()


class Retention:
    """Walks through the inbox again and again; dead letters are found by their age."""

    def __init__(self, host: Host, kept: Kept) -> None:
        self._host = host
        self._kept = kept
        self._running: asyncio.Task[None] | None = None
        self.deleted = 0
        self.log_bytes = 0

    def start(self) -> None:
        """Begin."""
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End; what is left is deleted by the next life of the host."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    def status(self) -> dict[str, int]:
        """Counters for dashboards and probes."""
        return {"rows_expired": self.deleted, "log_bytes": self.log_bytes}

    async def _run(self) -> None:
        while True:
            await self._host.clock.sleep(EVERY_S)
            try:
                await self._round()
            except (StoreFailed, StaleOwner) as error:
                failure("retention_failed", error, host=self._host.name)

    async def _round(self) -> None:
        host = self._host
        self.log_bytes = await host.committer.call(host.store.cut_log)
        await self._dead_letters()
        at: InboxKey | None = None
        while True:
            before_ms = int((host.clock.time() - self._kept.inbox_s) * 1000)
            swept = await host.committer.call(host.store.sweep_inbox, at, STEP_ROWS, before_ms)
            self.deleted += swept.deleted
            at = swept.at
            if at is None:
                return
            mostly_over = 2 * swept.deleted > swept.seen
            await host.clock.sleep(STEP_S / 10 if mostly_over else STEP_S)

    async def _dead_letters(self) -> None:
        host = self._host
        now_s = host.clock.time()
        while deleted := await host.committer.call(self._delete_letters, now_s):
            self.deleted += deleted

    def _delete_letters(self, now_s: float) -> int:
        """Delete some with the journals of their flows; how many rows.

        Called where commits are made, so that nobody redrives one between look and deletion.
        """
        store = self._host.store
        up_to = ("given_up_at_ms", int((now_s - self._kept.dead_letters_s) * 1000))
        rows = store.find(_DEAD_LETTERS, {}, up_to=up_to, limit=STEP_LETTERS)
        if not rows:
            return 0
        changes = [RowChange("delete", _DEAD_LETTERS, {}, {"id": row["id"]}) for row in rows]
        changes += [
            RowChange("delete", JOURNAL, {}, {"effect_id": row["effect_id"]})
            for row in rows
            if row["effect_id"] is not None
        ]
        unit = Unit(EntityId("retention", self._host.name), rows=changes)
        for error in store.commit([unit], int(now_s * 1000)):
            if error is not None:
                raise StoreFailed(error.detail)
        return len(rows)
