"""Messages that are suspected of ending the host run alone, and are set aside at the third time.

`Marks` tells what was running when a life of this host ended. Each of those messages has one kill
more, counted durably before anything runs again. When such a message comes back, no other turn
and no new effect runs beside it, so that the next kill is its own beyond doubt. Whoever's handler
has ended, well or not, without taking the host along is suspected no longer; a message that was
turned away before its handler has shown nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Table

from vareon_runtime.errors import Poisoned, StoreFailed, Unavailable, VareonError
from vareon_runtime.hosting import dispatch, set_aside
from vareon_runtime.hosting.delivery import Delivery, Resulted
from vareon_runtime.hosting.ownership import LAPSED
from vareon_runtime.hosting.suspects import Marks
from vareon_runtime.identity import EntityId, MessageId, derived_id
from vareon_runtime.storage.changes import RowChange
from vareon_runtime.storage.ports import Unit
from vareon_runtime.storage.tables import SuspectRow
from vareon_runtime.telemetry import event, failure

if TYPE_CHECKING:
    from vareon_runtime.hosting.activation import Activation
    from vareon_runtime.hosting.host import Host

KILLS_LIMIT = 3
"""Hosts that a message may end."""
KEPT_MS = 24 * 3600 * 1000
"""How long a message that never came back is suspected."""
SUSPECTS_LIMIT = 10_000
_PAUSE_S = 0.01

_TABLE: Table = SuspectRow.__table__  # type: ignore[assignment]


class Quarantine:
    """The gate that every turn of a host passes; it costs nothing while nobody is suspected."""

    def __init__(self, host: Host, marks: Marks) -> None:
        self._host = host
        self._marks = marks
        self._kills: dict[MessageId, int] = {}
        self._one_suspect = asyncio.Lock()
        self._closed: asyncio.Future[None] | None = None
        self.tried = False
        """Whether the suspect that has the host for itself has got as far as its handler."""

    async def start(self) -> None:
        """Count what the last life of this host left, before anything runs.

        Raises:
            StoreFailed: If it cannot be counted.
        """
        left = self._marks.take_over()
        await self._host.committer.call(self._count, left)
        self._marks.wipe()
        if left:
            event("suspects_found", host=self._host.name, messages=[one.hex() for one in left[:20]])

    async def learn(self) -> None:
        """Learn whom other hosts suspect, before messages come here that went to them.

        Raises:
            StoreFailed: If it cannot be read.
        """
        find = partial(self._host.store.find, _TABLE, {}, limit=SUSPECTS_LIMIT)
        rows = await self._host.committer.call(find)
        self._kills.update((row["message_id"], row["kills"]) for row in rows)

    def kills_of(self, message_id: MessageId) -> int:
        """How many hosts this message has ended."""
        return self._kills.get(message_id, 0)

    async def run(self, activation: Activation, delivery: Delivery) -> None:
        """Handle one delivery: beside others, alone, or not at all."""
        message_id, marks = delivery.message_id, self._marks
        if self._turned_away(activation, delivery):
            return
        if self._kills or marks.full:
            await self._with_care(activation, delivery, message_id)
            return
        slot = marks.begin(message_id)
        try:
            await dispatch.run(activation, delivery)
        finally:
            marks.end(slot)

    @asynccontextmanager
    async def loading(self, target: EntityId) -> AsyncIterator[None]:
        """Around reading a stored state: an entity may end its host even before it is asked.

        Raises:
            Poisoned: If it has done so too often.
        """
        load_id = derived_id("load", *target)
        if self._kills.get(load_id, 0) >= KILLS_LIMIT:
            raise Poisoned("Loading this entity has ended its host every time; it is set aside.")
        async with self._place(load_id):
            self.tried = True
            yield

    async def passing(self) -> None:
        """Wait until no suspect runs."""
        while self._closed is not None:
            await asyncio.shield(self._closed)

    def handled(self, message_id: MessageId) -> None:
        """It has ended without ending the host: it is not suspected any more."""
        if self._kills.pop(message_id, 0):
            self._host.committer.submit(_Acquittal(message_id))

    async def _with_care(
        self, activation: Activation, delivery: Delivery, message_id: MessageId
    ) -> None:
        kills = self._kills.get(message_id, 0)
        try:
            if kills >= KILLS_LIMIT and await set_aside.give_up(activation, delivery, kills):
                return
        except VareonError as error:
            activation.turn_away(delivery, error)
            return
        activation.turn_began = 0.0
        # The end of an effect is settled by its commit, which `handled` is told of.
        async with self._place(message_id, acquits=not isinstance(delivery, Resulted)):
            activation.turn_began = self._host.clock.monotonic()
            if not self._turned_away(activation, delivery):
                await dispatch.run(activation, delivery)

    def _turned_away(self, activation: Activation, delivery: Delivery) -> bool:
        """Begin nothing once the lease is over: others may have counted more kills meanwhile."""
        held = self._host.ownership.holds_at(activation.turn_began)
        if held or isinstance(delivery, Resulted):
            return False
        activation.turn_away(delivery, Unavailable(LAPSED, 0.2))
        return True

    @asynccontextmanager
    async def _place(self, message_id: MessageId, *, acquits: bool = True) -> AsyncIterator[None]:
        """A marked place among the others, or alone for a suspect."""
        if message_id not in self._kills:
            await self._free_slot()
            slot = self._marks.begin(message_id)
            try:
                yield
            finally:
                self._marks.end(slot)
            return
        async with self._one_suspect:
            self._closed = self._host.loop.create_future()
            try:
                await self._quiet()
                self.tried = False
                slot = self._marks.begin(message_id)
                try:
                    yield
                finally:
                    self._marks.end(slot)
                    if acquits and self.tried and not self._host.stopping:
                        self.handled(message_id)
            finally:
                self._closed.set_result(None)
                self._closed = None

    async def _free_slot(self) -> None:
        await self.passing()
        while self._marks.full:
            await self._host.clock.sleep(_PAUSE_S)
            await self.passing()

    async def _quiet(self) -> None:
        while not self._marks.quiet:
            await self._host.clock.sleep(_PAUSE_S)

    def _count(self, left: Sequence[MessageId]) -> None:
        now_ms = int(self._host.clock.time() * 1000)
        store = self._host.store
        old = store.find(_TABLE, {}, up_to=("killed_at_ms", now_ms - KEPT_MS))
        changes = [_acquitted(row["message_id"]) for row in old]
        known = {
            row["message_id"]: row["kills"]
            for row in (store.find(_TABLE, {"message_id": left}) if left else ())
        }
        for message_id in left:
            values = {
                "message_id": message_id,
                "kills": known.get(message_id, 0) + 1,
                "killed_at_ms": now_ms,
            }
            changes.append(RowChange("upsert", _TABLE, values, {}))
        if changes:
            unit = Unit(EntityId("suspects", self._host.name), rows=changes)
            for error in self._written(unit, now_ms):
                if error is not None:
                    raise error

    def _written(self, unit: Unit, now_ms: int) -> Sequence[VareonError | None]:
        """What became of a count, which must not be made twice."""
        store = self._host.store
        try:
            return store.commit([unit], now_ms)
        except StoreFailed:
            if not store.settle():
                raise
        return [None]


class _Acquittal:
    """Takes a message off the list of suspects."""

    def __init__(self, message_id: MessageId) -> None:
        self.unit = Unit(EntityId("suspects", message_id.hex()), rows=[_acquitted(message_id)])
        self.void = False

    def committed(self) -> None:
        """Nobody waits for it."""

    def failed(self, error: VareonError) -> None:
        """The next life of the host suspects it still, and lets it run alone once more."""
        failure("suspicion_not_ended", error, message=self.unit.target.key)


def _acquitted(message_id: MessageId) -> RowChange:
    return RowChange("delete", _TABLE, {}, {"message_id": message_id})
