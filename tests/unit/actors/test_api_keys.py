"""Personal keys of an account."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from actors.sign_in.api_keys import LONGEST_LIFE_S, MOST_KEYS, ApiKeys
from actors.sign_in.messages import CreateApiKey, DeleteApiKey, TouchApiKey
from tests.support.workbench import ANN, BOB, Workbench, texts_of
from vareon_runtime.errors import Conflict, InvalidMessage, NotFound, QuotaExceeded
from vareon_runtime.models import ApiKeyRow


def creating(key_id: str = "k1", life_s: int = 3600) -> CreateApiKey:
    return CreateApiKey(key_id, "laptop", "vk_abc", "0" * 64, ("accounts:read",), life_s)


async def ids(bench: Workbench) -> list[str]:
    return texts_of(await bench.read(select(ApiKeyRow.id)), "id")


async def test_a_key_lives_until_it_is_deleted(bench: Workbench) -> None:
    """Only its owner may do that, and its uses are noted."""
    keys = bench.entity(ApiKeys, ANN.user_id)
    view = await bench.ask(keys, creating())
    assert (view.id, view.permissions, view.last_used_at) == ("k1", ("accounts:read",), None)
    with pytest.raises(Conflict):
        await bench.ask(keys, creating())
    assert await bench.ask(keys, TouchApiKey("k1"))
    (row,) = await bench.read(select(ApiKeyRow.last_used_at, ApiKeyRow.user_id))
    assert row.last_used_at > view.created_at
    assert row.user_id == ANN.user_id
    with pytest.raises(NotFound):
        await bench.ask(keys, DeleteApiKey("k1"), BOB)
    await bench.ask(keys, DeleteApiKey("k1"))
    with pytest.raises(NotFound):
        await bench.ask(keys, DeleteApiKey("k1"))
    assert not await bench.ask(keys, TouchApiKey("k1"))
    assert await ids(bench) == []


async def test_there_are_only_so_many(bench: Workbench) -> None:
    """Those that are over make room; those that count do not."""
    keys = bench.entity(ApiKeys, ANN.user_id)
    for number in range(MOST_KEYS):
        await bench.ask(keys, creating(f"k{number}"))
    with pytest.raises(QuotaExceeded):
        await bench.ask(keys, creating("more"))
    bench.clock.now_s += 3600
    await bench.ask(keys, creating("more"))
    assert await ids(bench) == ["more"]
    for life_s in (0, LONGEST_LIFE_S + 1):
        with pytest.raises(InvalidMessage):
            await bench.ask(keys, creating("long", life_s))
