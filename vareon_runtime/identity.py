"""Who is addressed and which message is meant."""

from __future__ import annotations

import hashlib
import os
import random
import re
import uuid
from typing import NamedTuple

from vareon_runtime.clock import Clock
from vareon_runtime.errors import InvalidMessage

MessageId = bytes
"""16 bytes, a UUIDv7 or a UUID derived from a name."""

_KIND = re.compile(r"[a-z][a-z0-9_]{0,39}")
MAX_KEY_LENGTH = 200
SHARDS = 256
"""Units of placement; fixed for the life of an installation, because stored rows carry them."""


class EntityId(NamedTuple):
    """Address of an entity, written ``kind/key``."""

    kind: str
    key: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.key}"

    @classmethod
    def parse(cls, text: str) -> EntityId:
        """Read ``kind/key``.

        Raises:
            InvalidMessage: If the kind is not lower-case or the key is empty or too long.
        """
        kind, _, key = text.partition("/")
        return cls(kind, key).checked()

    def checked(self) -> EntityId:
        """This id, once its parts are known to be well formed.

        Raises:
            InvalidMessage: If they are not.
        """
        if not _KIND.fullmatch(self.kind):
            raise InvalidMessage(f"'{self.kind[:60]}' is not an entity kind.")
        if not 0 < len(self.key) <= MAX_KEY_LENGTH or not self.key.isprintable():
            raise InvalidMessage(f"An entity key has 1 to {MAX_KEY_LENGTH} printable characters.")
        return self


class Principal(NamedTuple):
    """The user on whose behalf a message travels.

    Attributes:
        roles: What it was granted, as the product's policy reads it; the engine does not.
    """

    user_id: str
    roles: tuple[str, ...] = ()


class IdSource:
    """Makes UUIDv7 ids (RFC 9562 §5.7) from the clock and the randomness it is handed.

    Ids made by one source never go backwards, even within one millisecond.
    """

    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self._clock = clock
        self._bits = rng.getrandbits
        self._last_ms = 0

    def message_id(self) -> MessageId:
        """Sixteen bytes of a new UUIDv7."""
        self._last_ms = ms = max(int(self._clock.time() * 1000), self._last_ms)
        high = (ms << 16) | 0x7000 | self._bits(12)
        low = 0x8000000000000000 | self._bits(62)
        return ((high << 64) | low).to_bytes(16, "big")

    def text_id(self) -> str:
        """The same in the usual dashed form."""
        return str(uuid.UUID(bytes=self.message_id()))


def seeded_ids(clock: Clock) -> IdSource:
    """Ids that no other process makes. They name things; nothing is kept secret by them."""
    return IdSource(clock, random.Random(os.urandom(16)))  # noqa: S311 - see above


def id_time_s(message_id: MessageId) -> float:
    """Epoch seconds carried by a UUIDv7; 0 for ids of other versions."""
    if message_id[6] >> 4 != 7:
        return 0.0
    return int.from_bytes(message_id[:6], "big") / 1000.0


def derived_id(*parts: str) -> MessageId:
    """A stable id from names: the same parts always give the same id (UUIDv8 layout)."""
    return _named(parts, version=8)


def timed_id(due_ms: int, *parts: str) -> MessageId:
    """A stable id like `derived_id` that grows with a time, as a UUIDv7 does."""
    named = _named((str(due_ms), *parts), version=7)
    return (max(0, due_ms) & (1 << 48) - 1).to_bytes(6, "big") + named[6:]


def inner_id(*parts: str) -> MessageId:
    """A stable id like `derived_id`, for asks of effects and flows, whose replies are kept longer.

    Marked by the version of its layout (5), so that a stored row tells where it came from.
    """
    return _named(parts, version=5)


def is_inner(message_id: MessageId) -> bool:
    """Whether an id was made by `inner_id`."""
    return message_id[6] >> 4 == 5


def _named(parts: tuple[str, ...], version: int) -> MessageId:
    digest = bytearray(hashlib.sha256("\x00".join(parts).encode()).digest()[:16])
    digest[6] = (digest[6] & 0x0F) | version << 4
    digest[8] = (digest[8] & 0x3F) | 0x80
    return bytes(digest)


def as_text(message_id: MessageId) -> str:
    """Dashed form of an id."""
    return str(uuid.UUID(bytes=message_id))
