"""Tables."""

from __future__ import annotations

import os
import sys

import click
import pytest

from web.cli import table as shown
from web.cli.table import Column, fields, table

COLUMNS = (
    Column("id", lambda row: row[0], whole=True),
    Column("about", lambda row: row[1], colour=lambda _row: "red"),
    Column("count", lambda row: row[2], right=True),
)


def lines(*rows: tuple[object, ...]) -> list[str]:
    """Without colours."""
    return [click.unstyle(line) for line in table(rows, COLUMNS, empty="none")]


def test_columns_stand_under_each_other() -> None:
    """Also behind characters that are two columns wide."""
    assert lines(("a", "中文", 7), ("bcd", "x", 1234)) == [
        "id   about  count",
        "a    中文       7",
        "bcd  x       1234",
    ]


def test_nothing_to_show() -> None:
    assert lines() == ["none"]


def test_long_cells_end_and_ids_do_not() -> None:
    _, row = lines(("i" * 200, "a" * 200, None))
    assert row == f"{'i' * 200}  {'a' * (shown.WIDEST_CELL - 1)}…"


def test_it_is_no_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The id stays whole."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    size = os.terminal_size((50, 20))
    monkeypatch.setattr(shown.shutil, "get_terminal_size", lambda: size)
    _, row = lines(("i" * 20, "a" * 70, 5))
    assert len(row) == 50
    assert row.startswith("i" * 20 + "  aaa")


def test_nobody_steers_the_terminal() -> None:
    """Names are chosen by strangers."""
    _, row = lines(("a", "x\x1b[2Jy\u202ez\nw", 1))
    assert row == "a   x\ufffd[2Jy\ufffdz w      1"


def test_fields() -> None:
    assert fields([("a", 1), ("long", None), ("b", ["x", "y"])]) == [
        "  a     1",
        "  long",
        "  b     x, y",
    ]
