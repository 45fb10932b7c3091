"""The pure rule: entity to shard, shard to host."""

from __future__ import annotations

import zlib
from collections.abc import Collection
from functools import lru_cache

from vareon_runtime.identity import SHARDS, EntityId


@lru_cache(maxsize=65_536)
def shard_of(target: EntityId) -> int:
    """The shard an entity lives in."""
    return zlib.crc32(f"{target.kind}/{target.key}".encode()) % SHARDS


@lru_cache(maxsize=8_192)
def owner_of(shard: int, hosts: tuple[str, ...]) -> str | None:
    """The host of a shard by rendezvous hashing: a host that comes or goes moves only its own."""
    if not hosts:
        return None
    return max(hosts, key=lambda host: zlib.crc32(f"{host}#{shard}".encode()))


def to_bitmap(shards: Collection[int]) -> bytes:
    """A set of shards in `SHARDS` bits."""
    return sum(1 << shard for shard in shards).to_bytes(SHARDS // 8, "little")


def from_bitmap(bitmap: bytes) -> frozenset[int]:
    """The set of shards in a bitmap."""
    bits = int.from_bytes(bitmap[: SHARDS // 8], "little")
    return frozenset(shard for shard in range(SHARDS) if bits >> shard & 1)
