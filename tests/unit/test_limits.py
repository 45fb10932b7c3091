"""docs/limits.md says what the code does."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "limits.md"
NO_QUEUES = {
    "BATCH_LIMIT",
    "_REASON_LIMIT",
    "ATTEMPTS_LIMIT",
    "CREDIT_LIMIT",
    "RUN_LIMIT",
    "READ_LIMIT",
    "FIRE_LIMIT",
    "ROWS_LIMIT",
}
"""How much is done at a time or how often, and how much of a text is kept."""
_ROW = re.compile(r"^\|[^|]+\| ([0-9.]+)[^|]*\|[^|]+\| `([a-z_.]+):([A-Z_]+)` \|$", re.MULTILINE)
ROWS = _ROW.findall(PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("bound", "module", "name"), ROWS, ids=[name for *_, name in ROWS])
def test_the_page_gives_the_bound_that_holds(bound: str, module: str, name: str) -> None:
    assert getattr(import_module(module), name) == float(bound)


def test_every_bound_of_a_queue_is_on_the_page() -> None:
    """Whoever adds a limit writes it down."""
    wanted = re.compile(
        r"^((?:MOST|LARGEST)_[A-Z_]+|[A-Z_]+_LIMIT(?:_S|_BYTES)?|LIMIT_BYTES) = ", re.MULTILINE
    )
    known = {name for _, _, name in ROWS}
    missing = [
        f"{path.name}:{name}"
        for folder in ("vareon_runtime/hosting", "vareon_runtime/routing", "web")
        for path in sorted((PAGE.parents[1] / folder).rglob("*.py"))
        for name in wanted.findall(path.read_text(encoding="utf-8"))
        if name not in known and name not in NO_QUEUES
    ]
    assert missing == []
