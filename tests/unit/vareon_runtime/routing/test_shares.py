"""Fair parts of a bound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vareon_runtime.errors import Overloaded, QuotaExceeded
from vareon_runtime.routing.shares import Shares


def fill(shares: Shares[str], who: str) -> int:
    taken = 0
    while shares.refusal(who) is None:
        shares.take(who)
        taken += 1
    return taken


def test_one_caller_has_half_and_hears_that_it_is_its_own_doing() -> None:
    shares: Shares[str] = Shares(100)
    assert fill(shares, "greedy") == 50
    assert isinstance(shares.refusal("greedy"), QuotaExceeded)


def test_whoever_asks_for_little_finds_room_beside_a_greedy_one() -> None:
    """Also when others came before."""
    shares: Shares[str] = Shares(100)
    fill(shares, "greedy")
    for number in range(20):
        assert shares.refusal(f"modest {number}") is None
        shares.take(f"modest {number}")
    assert isinstance(shares.refusal("greedy"), QuotaExceeded)


def test_what_is_given_back_can_be_taken_again() -> None:
    shares: Shares[str] = Shares(10)
    assert fill(shares, "a") == 5
    shares.give("a")
    assert shares.refusal("a") is None
    assert shares.total == 4


def test_with_too_many_callers_everybody_is_refused_for_the_system_s_sake() -> None:
    shares: Shares[int] = Shares(10)
    for number in range(10):
        assert shares.refusal(number) is None
        shares.take(number)
    assert isinstance(shares.refusal(11), Overloaded)


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=300))
def test_it_never_holds_more_than_its_limit(moves: list[tuple[int, bool]]) -> None:
    shares: Shares[int] = Shares(16)
    held: dict[int, int] = {}
    for who, wants in moves:
        if wants and shares.refusal(who) is None:
            shares.take(who)
            held[who] = held.get(who, 0) + 1
        elif not wants and held.get(who):
            shares.give(who)
            held[who] -= 1
    assert shares.total == sum(held.values()) <= 16
    assert max(held.values(), default=0) <= 8
    with pytest.raises(KeyError):
        shares.give(99)
