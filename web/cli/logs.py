"""``vareon logs``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from vareon_runtime.launch import folders
from web.cli import log_reader
from web.cli.instance import data_dir_option, settings_for
from web.cli.log_reader import Entry

_COLOURS = {"error": "red", "warning": "yellow", "critical": "red"}
_SHOWN_APART = frozenset({"time", "level", "event", "pid"})


def _complete_process(
    context: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    folder = folders.log_dir(settings_for(context.params.get("data_dir")))
    found = sorted(file.stem for file in folder.glob("*.log"))
    return [CompletionItem(name) for name in found if name.startswith(begun)]


@click.command()
@click.option("-n", "--lines", default=50, show_default=True, help="How many of the newest.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on.")
@click.option(
    "--process",
    "source",
    help="Only of this one, such as front-door or entity-host-0.",
    shell_complete=_complete_process,
)
@click.option("--errors", is_flag=True, help="Only what went wrong.")
@click.option("--json", "as_json", is_flag=True, help="Lines as they were written.")
@data_dir_option
def logs(
    *,
    lines: int,
    follow: bool,
    source: str | None,
    errors: bool,
    as_json: bool,
    data_dir: Path | None,
) -> None:
    r"""Show what the processes wrote down, in the order of time.

    \b
    Examples:
      vareon logs -f
      vareon logs --process front-door --errors -n 200
    """
    folder = folders.log_dir(settings_for(data_dir))
    found = sorted(folder.glob("*.log"))
    files = [file for file in found if source is None or file.stem == source]
    if not files:
        there = ", ".join(file.stem for file in found) or "none yet"
        raise click.ClickException(f"no such log in {folder}; there are: {there}")
    for entry in log_reader.newest(files, max(0, lines)):
        _show(entry, errors=errors, as_json=as_json)
    if follow:
        try:
            for entry in log_reader.follow(files):
                _show(entry, errors=errors, as_json=as_json)
        except KeyboardInterrupt:
            return


def _show(entry: Entry, *, errors: bool, as_json: bool) -> None:
    level = str(entry.fields.get("level", "info"))
    if errors and level not in _COLOURS:
        return
    if as_json:
        click.echo(entry.line)
        return
    event = click.style(str(entry.fields.get("event", "")), fg=_COLOURS.get(level), bold=True)
    rest = "  ".join(
        f"{name}={_short(value)}"
        for name, value in entry.fields.items()
        if name not in _SHOWN_APART
    )
    when = entry.time[11:23]
    click.echo(f"{click.style(when, dim=True)} {entry.source:<18} {event}  {rest}".rstrip())


def _short(value: Any) -> str:
    return " < ".join(map(str, reversed(value))) if isinstance(value, list) else str(value)
