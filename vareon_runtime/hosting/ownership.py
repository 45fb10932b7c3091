"""Which shards are this host's, and for how long.

The lease is tended from the host's event loop, so a host whose loop stands still loses it. Two
things guard what a lapsed lease may do: the host itself refuses requests and holds back answers
once its own monotonic clock says that the lease is over, and the store refuses its commits once
somebody has fenced it, however wrong its clock is.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from vareon_runtime.errors import StaleOwner, StoreFailed, Unavailable, VareonError
from vareon_runtime.identity import EntityId
from vareon_runtime.placement import owner_of, shard_of
from vareon_runtime.storage.ports import LEASE_MS, Store, Tenure
from vareon_runtime.telemetry import event, failure

if TYPE_CHECKING:
    from vareon_runtime.hosting.host import Host
    from vareon_runtime.hosting.shard_work import ShardWork

TEND_EVERY_S = LEASE_MS / 1000 / 5
HURRY_S = 0.1
"""How soon to tend again while shards are on their way to another host."""
NOT_OURS = "This entity is moving to another host; ask again."
LAPSED = "This host cannot reach its database in time; ask again."


class Ownership:
    """Tends the lease, and hands over shards that belong to others by the rule."""

    def __init__(self, host: Host, store: Store) -> None:
        self._host = host
        self._store = store
        self._until_s = 0.0
        self.shards: frozenset[int] = frozenset()
        self.leaving: frozenset[int] = frozenset()
        self.epoch = 0
        self._untaken: list[tuple[ShardWork, frozenset[int]]] = []
        """What has to be taken up in shards that became this host's."""
        self._running: asyncio.Task[None] | None = None

    @property
    def holds(self) -> bool:
        """Whether the lease still holds by this host's own clock."""
        return self.holds_at(self._host.clock.monotonic())

    def holds_at(self, now_s: float) -> bool:
        """Whether it holds at a moment of that clock."""
        return now_s < self._until_s

    def owns(self, target: EntityId) -> bool:
        """Whether an entity is this host's, and staying."""
        shard = shard_of(target)
        return shard in self.shards and shard not in self.leaving

    def demand(self, target: EntityId) -> None:
        """Refuse what is not this host's to do.

        Raises:
            Unavailable: If the entity lives elsewhere, or the lease has lapsed.
        """
        if not self.owns(target):
            raise Unavailable(NOT_OURS, 0.05)
        if not self.holds:
            raise Unavailable(LAPSED, 0.2)

    async def start(self) -> None:
        """Take the first shards.

        Raises:
            StaleOwner: If this life was fenced already.
            StoreFailed: If the database cannot be written.
        """
        await self._tend(frozenset())
        self._host.effects.gained(self.shards)
        self._host.outbox.gained(self.shards)

    def keep(self) -> None:
        """Go on tending until stopped."""
        self._running = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Tend no more; the lease runs out by itself."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _keep(self) -> None:
        pause = TEND_EVERY_S
        while True:
            await self._host.clock.sleep(pause)
            try:
                pause = await self._round()
            except StaleOwner as error:
                self._host.fenced(error)
                return
            except StoreFailed as error:
                failure("lease_not_renewed", error, host=self._host.name)
                pause = HURRY_S

    async def _round(self) -> float:
        ready = frozenset(s for s in self.leaving if not self._host.busy_in(s))
        before, left = self.shards, self.leaving - ready
        await self._tend(ready)
        self.leaving -= ready
        stays = (left - self.leaving) & self.shards
        """Handed over, but whoever should have them has gone meanwhile."""
        if self.shards != before or stays:
            self._host.bus.announce()
            event("shards_changed", host=self._host.name, owned=len(self.shards))
            self._gained((self.shards - before) | stays)
        await self._take_up()
        return HURRY_S if self.leaving else TEND_EVERY_S

    def _gained(self, shards: frozenset[int]) -> None:
        self._host.effects.gained(shards)
        self._host.outbox.gained(shards)
        known = [(work, some - shards) for work, some in self._untaken]
        self._untaken = [*known, *((work, shards) for work in self._host.work)]

    async def _take_up(self) -> None:
        """Have each kind of work taken up once; what cannot be read now is tried again."""
        while self._untaken:
            work, shards = self._untaken[0]
            if shards & self.shards:
                await work.take_up(shards & self.shards)
            self._untaken.pop(0)

    async def _tend(self, released: frozenset[int]) -> None:
        began = self._host.clock.monotonic()
        tenure: Tenure = await self._host.committer.call(
            self._store.tend, int(began * 1000), released
        )
        self._until_s = began + LEASE_MS / 1000
        self.shards &= tenure.shards
        self.shards |= await self._known(tenure.shards - self.shards)
        self.epoch = tenure.epoch
        surplus = frozenset(
            s for s in tenure.shards if owner_of(s, tenure.members) != self._host.name
        )
        if surplus - self.leaving:
            self.leaving = surplus
            self._host.bus.announce()
            self._host.hand_over(surplus, _moving())
        self.leaving &= surplus

    async def _known(self, gained: frozenset[int]) -> frozenset[int]:
        """What may be owned of it: nothing before it is known whom its last owners suspect."""
        if gained:
            try:
                await self._host.quarantine.learn()
            except StoreFailed as error:
                failure("shards_not_taken_up", error, host=self._host.name)
                return frozenset()
        return gained


def _moving() -> VareonError:
    return Unavailable(NOT_OURS, 0.05)
