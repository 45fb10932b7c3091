"""``vareon doctor``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from web.cli.instance import data_dir_option, settings_for
from web.cli.telling import Told, tells

_MARKS = {"good": ("ok", "green"), "warn": ("look", "yellow"), "bad": ("BAD", "red")}


@click.command()
@data_dir_option
@tells
def doctor(*, data_dir: Path | None) -> Told:
    r"""Look for what can stand in the way here, and say what to do about it.

    Nothing is changed and nothing is started. The exit code is 1 if something will not work.

    \b
    Examples:
      vareon doctor
      vareon doctor --json
    """
    from vareon_runtime.launch import checkup

    found = list(checkup.examine(settings_for(data_dir)))
    lines = []
    for finding in found:
        mark, colour = _MARKS[finding.state]
        lines.append(f"  {click.style(f'{mark:<5}', fg=colour)} {finding.name:<14} {finding.what}")
        if finding.fix:
            lines.append(f"  {'':<20} {click.style(finding.fix, bold=True)}")
    bad = any(finding.state == checkup.BAD for finding in found)
    return Told([asdict(finding) for finding in found], lines, failed=bad)
