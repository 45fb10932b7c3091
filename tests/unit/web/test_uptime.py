"""Uptime in words."""

from __future__ import annotations

import pytest

from web.services.uptime import format_timedelta


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0s"),
        (-5, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (93_784, "1d 2h 3m 4s"),
        (86_401, "1d 1s"),
    ],
)
def test_parts_that_are_zero_are_left_out(seconds: float, shown: str) -> None:
    assert format_timedelta(seconds) == shown
