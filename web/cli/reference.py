"""Writes the table of ``docs/cli.md``: run it after changing a command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from web.cli import main

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
BEGIN, END = "<!-- begin: python -m web.cli.reference -->", "<!-- end -->"


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command and subcommand with the words that call it, groups before what is in them."""
    yield from _inside(main, click.Context(main, info_name="vareon"))


def table() -> str:
    """Each command that does something, with what that is."""
    lines = ["| command | what it does | `--json` |", "|---|---|---|"]
    for words, command in commands():
        if isinstance(command, click.Group):
            continue
        context = click.Context(command)
        given = " ".join(
            parameter.make_metavar(context)
            for parameter in command.params
            if isinstance(parameter, click.Argument)
        )
        mark = "yes" if "as_json" in {parameter.name for parameter in command.params} else ""
        called = f"{words} {given}".strip().replace("|", "\\|")
        lines.append(f"| `{called}` | {command.get_short_help_str(200)} | {mark} |")
    return "\n".join(lines)


def page() -> str:
    """The whole page with the present table in its place."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def _inside(group: click.Group, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None:
            continue
        below = click.Context(command, parent=context, info_name=name)
        yield below.command_path, command
        if isinstance(command, click.Group):
            yield from _inside(command, below)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
