"""Passwords: hashed off the loop, in a bounded queue, never giving away who exists."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from vareon_runtime.errors import InvalidMessage, QuotaExceeded
from web.services import passwords as module
from web.services.passwords import QUEUE_PER_THREAD, Passwords


@pytest.fixture
def passwords(monkeypatch: pytest.MonkeyPatch) -> Iterator[Passwords]:
    """A pool whose hashes are cheap."""
    monkeypatch.setattr(module, "COST", 4)
    made = Passwords(threads=1)
    yield made
    made.close()


async def test_a_password_matches_itself_only(passwords: Passwords) -> None:
    """Beyond bcrypt's 72 bytes too, and with a zero byte in it."""
    long = "x" * 80
    stored = await passwords.hashed(long + "a\0b")
    assert await passwords.matches(long + "a\0b", stored)
    assert not await passwords.matches(long + "a\0c", stored)
    assert not await passwords.matches("x" * 5000, stored)
    assert not await passwords.matches("anything", "no hash at all")


async def test_nobody_has_no_password(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown user is checked against a hash of the usual cost."""
    assert module._NOBODY.startswith(b"$2b$12$")
    assert not await passwords.matches("anything", None)


@pytest.mark.parametrize("password", ["short", "x" * 1025, "é" * 513])
async def test_lengths_are_bounded(passwords: Passwords, password: str) -> None:
    """In bytes, not in characters."""
    with pytest.raises(InvalidMessage):
        await passwords.hashed(password)


async def test_one_too_many_is_refused_at_once(passwords: Passwords) -> None:
    """The queue before the threads is bounded."""
    stored = await passwords.hashed("long enough")
    waiting = [
        asyncio.create_task(passwords.matches("long enough", stored))
        for _ in range(QUEUE_PER_THREAD)
    ]
    await asyncio.sleep(0)
    with pytest.raises(QuotaExceeded):
        await passwords.matches("long enough", stored)
    assert all(await asyncio.gather(*waiting))
    assert await passwords.matches("long enough", stored)
