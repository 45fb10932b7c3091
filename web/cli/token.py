"""``vareon token``."""

from __future__ import annotations

from pathlib import Path

import click

from web.cli.instance import admin_token, data_dir_option, settings_for


@click.command()
@data_dir_option
def token(data_dir: Path | None) -> None:
    """Print a token for the administrator, good for an hour."""
    click.echo(admin_token(settings_for(data_dir)))
