"""docs/permissions.md says what the policy does."""

from __future__ import annotations

from actors import permission_page, policy


def test_the_page_shows_the_present_policy() -> None:
    """Run `python -m actors.permission_page` after changing it."""
    text = permission_page.PAGE.read_text(encoding="utf-8")
    assert text == permission_page.page()
    assert all(f"| `{name}` |" in text for name in policy.PERMISSIONS)
