"""The pure rule: entity to shard, shard to host."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache

from vareon_runtime.identity import SHARDS, EntityId


@lru_cache(maxsize=65_536)
def shard_of(target: EntityId) -> int:
    """The shard an entity lives in."""
    return zlib.crc32(f"{target.kind}/{target.key}".encode()) % SHARDS


def owner_of(shard: int, hosts: Sequence[str]) -> str | None:
    """The host of a shard by rendezvous hashing: a host that comes or goes moves only its own."""
    if not hosts:
        return None
    return max(hosts, key=lambda host: zlib.crc32(f"{host}#{shard}".encode()))
