"""Tables on a terminal: aligned, coloured only there, never wider than it where that can be."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import click

WIDEST_CELL = 80
"""Columns; what is longer ends in an ellipsis, unless it is an id."""
_NARROWEST_CELL = 8
_GAP = "  "
_WIDE = frozenset("WF")


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        cell: What it shows of a row; None and an empty text show nothing.
        whole: Never shortened: an id, or a name that will be typed.
        right: Aligned to the right, as numbers are.
        colour: The colour of a row's cell, or None.
    """

    title: str
    cell: Callable[[Any], Any]
    whole: bool = False
    right: bool = False
    colour: Callable[[Any], str | None] = lambda _row: None


def table(rows: Sequence[Any], columns: Sequence[Column], *, empty: str) -> list[str]:
    """Lines of a table with a heading; only `empty` if there are no rows."""
    if not rows:
        return [empty]
    cells = [[plain(column.cell(row)) for column in columns] for row in rows]
    widths = _widths(cells, columns)
    titles = [
        _set(column.title, width, column) for column, width in zip(columns, widths, strict=True)
    ]
    lines = [click.style(_GAP.join(titles).rstrip(), bold=True)]
    for row, texts in zip(rows, cells, strict=True):
        shown = []
        for column, text, width in zip(columns, texts, widths, strict=True):
            placed = _set(_cut(text, width), width, column)
            colour = column.colour(row)
            shown.append(click.style(placed, fg=colour) if colour and text else placed)
        lines.append(_GAP.join(shown).rstrip())
    return lines


def fields(pairs: Iterable[tuple[str, Any]]) -> list[str]:
    """Names and values under each other; values are never shortened."""
    told = [(name, plain(value)) for name, value in pairs]
    widest = max((columns_of(name) for name, _ in told), default=0)
    return [f"  {name}{' ' * (widest - columns_of(name))}  {text}".rstrip() for name, text in told]


def plain(value: Any) -> str:
    """A value on one line; what would steer the terminal is shown as a replacement character."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return "".join(one if one.isprintable() else _unprintable(one) for one in text)


def columns_of(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(
        0 if unicodedata.combining(one) else 1 + (unicodedata.east_asian_width(one) in _WIDE)
        for one in text
    )


def _unprintable(character: str) -> str:
    return " " if character in "\n\t\r" else "\N{REPLACEMENT CHARACTER}"


def _widths(cells: list[list[str]], columns: Sequence[Column]) -> list[int]:
    widths = []
    for place, column in enumerate(columns):
        widest = max(columns_of(row[place]) for row in cells)
        bound = widest if column.whole else min(widest, WIDEST_CELL)
        widths.append(max(bound, columns_of(column.title)))
    spare = _terminal() - sum(widths) - len(_GAP) * (len(widths) - 1)
    may_shrink = [place for place, column in enumerate(columns) if not column.whole]
    while spare < 0 and may_shrink:
        widest_place = max(may_shrink, key=lambda place: widths[place])
        if widths[widest_place] <= _NARROWEST_CELL:
            break
        widths[widest_place] -= 1
        spare += 1
    return widths


def _terminal() -> int:
    """Its width; without one nobody's eyes set a bound but that of each cell."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize


def _cut(text: str, width: int) -> str:
    if columns_of(text) <= width:
        return text
    kept, used = [], 1
    for one in text:
        used += columns_of(one)
        if used > width:
            break
        kept.append(one)
    return "".join(kept) + "…"


def _set(text: str, width: int, column: Column) -> str:
    text = _cut(text, width)
    space = " " * (width - columns_of(text))
    return space + text if column.right else text + space
