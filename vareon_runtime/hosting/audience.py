"""Who reads what the entities of a host show."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from vareon_runtime.errors import VareonError
from vareon_runtime.hosting.delivery import Caller
from vareon_runtime.hosting.feed import Feed, Subscriber
from vareon_runtime.identity import EntityId
from vareon_runtime.message import Event, Position
from vareon_runtime.placement import shard_of
from vareon_runtime.routing.link import Link
from vareon_runtime.routing.subscription import CREDIT, WINDOW

CREDIT_LIMIT = 4 * WINDOW


class Audience:
    """The readers of one host, and the feeds that they are shown."""

    def __init__(self) -> None:
        self._feeds: dict[EntityId, Feed] = {}
        self._readers: dict[Caller, EntityId] = {}

    def __len__(self) -> int:
        return len(self._readers)

    def admit(self, caller: Caller, target: EntityId) -> None:
        """Expect a reader, whose subscription is on its way to its entity's mailbox."""
        self._readers[caller] = target

    def turned_away(self, caller: Caller) -> None:
        """It did not get there, and its caller is told elsewhere."""
        self._readers.pop(caller, None)

    def join(self, target: EntityId, subscriber: Subscriber, positions: Sequence[Position]) -> None:
        """Add a reader, unless its link went meanwhile."""
        if not subscriber.caller.link.closed and subscriber.caller in self._readers:
            self.feed(target).join(subscriber, positions)

    def leave(self, caller: Caller) -> bool:
        """A reader has enough; False if there is no such reader."""
        target = self._readers.pop(caller, None)
        if target is None:
            return False
        found = self._feeds.get(target)
        if found is not None:
            found.leave(caller)
            self._tidy(target)
        return True

    def refuse(self, caller: Caller, error: VareonError) -> None:
        """Send a reader away."""
        if self._readers.pop(caller, None) is not None:
            caller.refuse(error)

    def grant(self, caller: Caller, body: bytes) -> None:
        """A reader has room for more."""
        target = self._readers.get(caller)
        found = self._feeds.get(target) if target is not None else None
        if found is not None and len(body) == CREDIT.size:
            credit = min(CREDIT.unpack(body)[0], CREDIT_LIMIT)
            for reader in found.subscribers:
                if reader.caller == caller:
                    reader.grant(credit)

    def lost(self, link: Link) -> None:
        """Forget the readers that came over a link."""
        for caller in [c for c in self._readers if c.link is link]:
            self.leave(caller)

    def hand_over(self, shards: Collection[int], error: VareonError) -> None:
        """Send those away who read in shards that go to another host."""
        for caller, target in list(self._readers.items()):
            if shard_of(target) in shards:
                self.refuse(caller, error)

    def watches(self, target: EntityId) -> bool:
        """Whether anybody is shown what an entity does."""
        found = self._feeds.get(target)
        return found is not None and bool(found.subscribers)

    def feed(self, target: EntityId) -> Feed:
        """What an entity shows."""
        found = self._feeds.get(target)
        if found is None:
            found = self._feeds[target] = Feed(self.refuse)
        return found

    def show(self, target: EntityId, events: Sequence[Event]) -> None:
        """Show committed facts."""
        found = self._feeds.get(target)
        if found is not None:
            for fact in events:
                found.show(fact)

    def has_been_shown(self, target: EntityId, effect_id: bytes) -> bool:
        """Whether an effect has shown anything yet."""
        found = self._feeds.get(target)
        return found is not None and found.has_written(effect_id)

    def end_streams(self, target: EntityId, effect_id: bytes) -> None:
        """An effect's end is committed; its streams need not be kept."""
        found = self._feeds.get(target)
        if found is not None:
            found.end_streams(effect_id)
            self._tidy(target)

    def end(self, target: EntityId, error: VareonError) -> None:
        """An entity shows nothing any more."""
        found = self._feeds.get(target)
        if found is not None:
            found.end(error)
            self._tidy(target)

    def _tidy(self, target: EntityId) -> None:
        if self._feeds[target].unused:
            del self._feeds[target]
