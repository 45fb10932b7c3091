"""``vareon status``."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import click

from web.cli.instance import data_dir_option, running_here, settings_for

_PATIENCE_S = 5.0


@click.command()
@data_dir_option
def status(data_dir: Path | None) -> None:
    """Say whether Vareon runs on this data dir, and whether it is ready."""
    settings = settings_for(data_dir)
    record = running_here(settings)
    if record is None:
        click.echo(f"Vareon is not running on {settings.data_dir}")
        sys.exit(1)
    code, answer = _readiness(record.url)
    click.echo(f"{'ready' if code == 200 else answer.get('detail', 'not ready')}")
    click.echo(f"  address        {record.url}/")
    click.echo(f"  Ray dashboard  {record.dashboard_url}")
    click.echo(f"  data           {settings.data_dir}")
    click.echo(f"  process        {record.pid}")
    sys.exit(0 if code == 200 else 1)


def _readiness(url: str) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=_PATIENCE_S) as response:  # noqa: S310
            return response.status, {}
    except urllib.error.HTTPError as error:
        with error:
            try:
                return error.code, dict(json.load(error))
            except ValueError:
                return error.code, {}
    except OSError as error:
        return 0, {"detail": f"not answering ({error})"}
