"""How messages and times are written on a terminal."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

_COLOURS = {
    "handled": "green",
    "failed": "red",
    "set_aside": "red",
    "running": "yellow",
    "waiting": "yellow",
    "on_its_way": "yellow",
}
BAR = 30
"""Characters that stand for the whole time of a trace."""
_LONGEST = 58


def colour_of(state: str) -> str | None:
    """The colour that a state is written in."""
    return _COLOURS.get(state)


def duration(ms: float | None) -> str | None:
    """So many milliseconds, readable."""
    if ms is None:
        return None
    if ms < 1:
        return f"{ms * 1000:.0f} µs"
    return f"{ms:,.1f} ms" if ms < 10_000 else f"{ms / 1000:,.1f} s"


def moment(text: str | None) -> str:
    """A time in UTC, to the millisecond."""
    if text is None:
        return ""
    return datetime.fromisoformat(text).isoformat(sep=" ", timespec="milliseconds")[:23] + "Z"


def bar(step: dict[str, Any], trace: dict[str, Any]) -> str:
    """When a message of a trace ran, as a piece of a line that is the trace's whole time."""
    if step["began_at"] is None or trace["began_at"] is None:
        return "?".ljust(BAR)
    whole = max(trace["took_ms"], 0.001)
    began = datetime.fromisoformat(trace["began_at"])
    after_ms = (datetime.fromisoformat(step["began_at"]) - began).total_seconds() * 1000
    start = min(BAR - 1, max(0, int(BAR * after_ms / whole)))
    length = max(1, round(BAR * (step["ran_ms"] or 0.0) / whole))
    drawn: str = "·" * start + "█" * min(length, BAR - start)
    return drawn.ljust(BAR, "·")


def line(step: dict[str, Any], trace: dict[str, Any]) -> str:
    """A message of a trace: its place in the tree, when it ran, how long, and how it ended."""
    name = "  " * min(step["depth"], 12) + f"{step['message']} → {step['entity']}"
    if len(name) > _LONGEST:
        name = name[: _LONGEST - 1] + "…"
    took = duration(step["ran_ms"]) or ""
    told = step["state"] if not step["code"] else f"{step['state']} ({step['code']})"
    told = click.style(told, fg=colour_of(step["state"]))
    remark = f"  {step['remark']}" if step["remark"] else ""
    return f"{name:<{_LONGEST}} {bar(step, trace)} {took:>10}  {told}{remark}"
