"""Ids: ordered, distinct, and refusing what is malformed."""

from __future__ import annotations

import random
import uuid

import pytest

from vareon_runtime.errors import InvalidMessage
from vareon_runtime.identity import EntityId, IdSource, as_text, derived_id, id_time_s


class FixedClock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_ids_are_uuid7_and_carry_their_time() -> None:
    clock = FixedClock()
    made = IdSource(clock, random.Random(1)).message_id()
    as_uuid = uuid.UUID(bytes=made)
    assert (as_uuid.version, as_uuid.variant) == (7, uuid.RFC_4122)
    assert id_time_s(made) == clock.now
    assert as_text(made) == str(as_uuid)


def test_ids_never_go_back_even_if_the_clock_does() -> None:
    clock = FixedClock()
    source = IdSource(clock, random.Random(1))
    first = id_time_s(source.message_id())
    clock.now -= 100
    assert id_time_s(source.message_id()) >= first
    assert len({source.message_id() for _ in range(10_000)}) == 10_000


def test_derived_ids_depend_on_every_part_and_its_place() -> None:
    assert derived_id("a", "b") == derived_id("a", "b")
    assert len({derived_id("a", "b"), derived_id("ab"), derived_id("b", "a")}) == 3
    assert id_time_s(derived_id("a")) == 0.0


def test_an_entity_id_reads_back() -> None:
    assert EntityId.parse("device/7f/3a") == EntityId("device", "7f/3a")
    assert str(EntityId("device", "x")) == "device/x"


@pytest.mark.parametrize(
    "text", ["", "device", "device/", "Device/x", "a b/x", "d/" + "x" * 201, "d/a\nb", "1d/x"]
)
def test_a_malformed_entity_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidMessage):
        EntityId.parse(text)
