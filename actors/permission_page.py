"""Writes the table of ``docs/permissions.md``: run it after changing the policy."""

from __future__ import annotations

from pathlib import Path

from actors import policy

PAGE = Path(__file__).parents[1] / "docs" / "permissions.md"
BEGIN, END = "<!-- begin: python -m actors.permission_page -->", "<!-- end -->"


def table() -> str:
    """Every permission with what it means and the built-in roles that hold it."""
    lines = [
        f"| permission | allows to | {' | '.join(policy.ROLES)} |",
        f"|---|---|{'---|' * len(policy.ROLES)}",
    ]
    for name, meaning in policy.PERMISSIONS.items():
        marks = ("yes" if name in held else "" for held in policy.ROLES.values())
        lines.append(f"| `{name}` | {meaning[0].lower()}{meaning[1:]} | {' | '.join(marks)} |")
    return "\n".join(lines)


def page() -> str:
    """The whole page with the present table in its place."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
