"""``vareon config``."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import click

from web.cli.instance import data_dir_option, settings_for

_NOT_SETTINGS = frozenset({"instance"})


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Tell them as JSON.")
@data_dir_option
def config(*, as_json: bool, data_dir: Path | None) -> None:
    """Show the settings that `vareon up` would use here, wherever each comes from.

    Passwords are not shown.
    """
    settings = settings_for(data_dir)
    found = {
        field.name: _plain(getattr(settings, field.name))
        for field in dataclasses.fields(settings)
        if field.name not in _NOT_SETTINGS
    }
    if as_json:
        click.echo(json.dumps(found))
        return
    # What belongs together is one thing in the program, and several settings.
    smtp = found.pop("smtp") or {"host": None}
    for name, value in (found | {f"smtp_{part}": text for part, text in smtp.items()}).items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        click.echo(f"  {f'VAREON_{name.upper()}':<28} {'' if shown is None else shown}".rstrip())


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if dataclasses.is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
    return list(value) if isinstance(value, tuple) else value
