"""What belongs to shards and moves with them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol


class ShardWork(Protocol):
    """Something under way that belongs to shards."""

    async def take_up(self, shards: Collection[int]) -> None:
        """Go on with it, in shards that have become this host's."""
        ...

    def hand_over(self, shards: Collection[int]) -> None:
        """Leave it to the next owner of these shards."""
        ...
