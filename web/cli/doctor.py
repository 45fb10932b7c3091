"""``vareon doctor``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from web.cli.instance import data_dir_option, settings_for

_MARKS = {"good": ("ok", "green"), "warn": ("look", "yellow"), "bad": ("BAD", "red")}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Tell what was found as JSON.")
@data_dir_option
def doctor(*, as_json: bool, data_dir: Path | None) -> None:
    """Look for what can stand in the way here, and say what to do about it.

    Nothing is changed and nothing is started. The exit code is 1 if something will not work.
    """
    from vareon_runtime.launch import checkup

    settings = settings_for(data_dir)
    bad = False
    found = []
    for finding in checkup.examine(settings):
        bad = bad or finding.state == checkup.BAD
        found.append(asdict(finding))
        if as_json:
            continue
        mark, colour = _MARKS[finding.state]
        click.echo(f"  {click.style(f'{mark:<5}', fg=colour)} {finding.name:<14} {finding.what}")
        if finding.fix:
            click.echo(f"  {'':<20} {click.style(finding.fix, bold=True)}")
    if as_json:
        click.echo(json.dumps(found))
    sys.exit(1 if bad else 0)
