"""What docs/security.md names exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def test_every_test_on_the_page_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
    assert len(named) > 30
    for file, test in named:
        source = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"^(async )?def {test}\(", source, re.MULTILINE), (file, test)


def test_every_guard_on_the_page_exists() -> None:
    named = re.findall(r"`((?:web|actors|vareon_runtime|tests)/[\w/]+\.py)", PAGE)
    assert all((ROOT / file).is_file() for file in named), named
