"""``vareon token``."""

from __future__ import annotations

from pathlib import Path

import click

from web.cli.instance import admin_token, data_dir_option, settings_for
from web.cli.telling import Told, tells


@click.command()
@data_dir_option
@tells
def token(data_dir: Path | None) -> Told:
    r"""Print a token for the administrator, good for an hour.

    \b
    Examples:
      vareon token
      curl -H "Authorization: Bearer $(vareon token)" http://127.0.0.1:8480/api/users/me
    """
    made = admin_token(settings_for(data_dir))
    return Told({"token": made}, [made])
