"""The page's policy names its one style and one script, and nothing else may run."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest

from vareon_runtime.errors import ConfigurationError
from web.api.console import FOLDER, ConsoleRoutes, page_policy


def test_the_policy_allows_exactly_what_the_page_holds() -> None:
    """A changed script has another hash."""
    policy = page_policy(b"<style>a{}</style><script>go()</script>")
    script = base64.b64encode(hashlib.sha256(b"go()").digest()).decode()
    style = base64.b64encode(hashlib.sha256(b"a{}").digest()).decode()
    assert f"script-src 'sha256-{script}';" in policy
    assert f"style-src 'sha256-{style}';" in policy
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("name", ["index.html", "account.html"])
def test_the_shipped_pages_keep_to_their_policy(name: str) -> None:
    """One style, one script, nothing inline in attributes, nothing from outside."""
    page = (FOLDER / name).read_text(encoding="utf-8")
    assert page.count("<style>") == page.count("<script>") == 1
    assert page.count("<style") == page.count("<script") == 1
    body = re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.DOTALL)
    assert not re.search(r"\s(on[a-z]+|style)\s*=", body)
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", body)


def test_a_missing_page_stops_the_start(tmp_path: Path) -> None:
    """With a sentence that says what to do."""
    with pytest.raises(ConfigurationError):
        ConsoleRoutes(tmp_path)
