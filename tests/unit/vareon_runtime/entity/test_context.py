"""What a turn's context refuses at once."""

from __future__ import annotations

import random
from typing import Any

import pytest

from vareon_runtime.clock import SystemClock
from vareon_runtime.entity import Context
from vareon_runtime.entity.context import HostServices
from vareon_runtime.errors import InternalError
from vareon_runtime.identity import EntityId, IdSource
from vareon_runtime.models import UserRow


async def nothing(*_: Any, **__: Any) -> list[Any]:
    return []


@pytest.fixture
def context() -> Context:
    clock = SystemClock()
    services = HostServices(clock, IdSource(clock, random.Random(1)), nothing, {})
    return Context(EntityId("bench", "a"), b"m" * 16, None, services)


@pytest.mark.parametrize("where", [{}, {"username": None}], ids=["every row", "null"])
def test_rows_are_picked_by_values(context: Context, where: dict[str, Any]) -> None:
    with pytest.raises(InternalError, match="pick rows by"):
        context.update(UserRow, where, is_active=False)
    with pytest.raises(InternalError, match="pick rows by"):
        context.delete_rows(UserRow, **where)
    assert context.changes.rows == []
