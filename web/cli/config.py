"""``vareon config``."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from web.cli.instance import data_dir_option, settings_for
from web.cli.table import fields
from web.cli.telling import Told, tells

_NOT_SETTINGS = frozenset({"instance"})


@click.command()
@data_dir_option
@tells
def config(*, data_dir: Path | None) -> Told:
    r"""Show the settings that `vareon up` would use here, wherever each comes from.

    Passwords are not shown.

    \b
    Examples:
      vareon config
      vareon config --json
    """
    settings = settings_for(data_dir)
    found = {
        field.name: _plain(getattr(settings, field.name))
        for field in dataclasses.fields(settings)
        if field.name not in _NOT_SETTINGS
    }
    # What belongs together is one thing in the program, and several settings.
    smtp = found["smtp"] or {"host": None}
    apart = {name: value for name, value in found.items() if name != "smtp"}
    apart |= {f"smtp_{part}": value for part, value in smtp.items()}
    return Told(found, fields((f"VAREON_{name.upper()}", value) for name, value in apart.items()))


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if dataclasses.is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
    return list(value) if isinstance(value, tuple) else value
