"""How long something has been running, in words."""

from __future__ import annotations

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def format_timedelta(seconds: float) -> str:
    """Like ``1d 2h 3m 4s``; parts that are zero are left out, and nothing at all is ``0s``."""
    left, parts = max(0, int(seconds)), []
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0s"
