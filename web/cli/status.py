"""``vareon status``."""

from __future__ import annotations

import json
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import click

from vareon_runtime.config import Settings
from vareon_runtime.launch import tls
from web.cli.instance import admin_token, data_dir_option, running_here, settings_for

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
    code, answer = _readiness(record.url, tls.client_context(settings))
    click.echo(f"{'ready' if code == 200 else answer.get('detail', 'not ready')}")
    click.echo(f"  address        {record.url}/")
    click.echo(f"  Ray dashboard  {record.dashboard_url}")
    click.echo(f"  data           {settings.data_dir}")
    click.echo(f"  process        {record.pid}")
    if code == 200:
        for line in _stored(record.url, settings):
            click.echo(line)
    sys.exit(0 if code == 200 else 1)


def _stored(url: str, settings: Settings) -> list[str]:
    """What is stored, a line for each family; nothing if this user may not know."""
    try:
        token = admin_token(settings)
        request = urllib.request.Request(  # noqa: S310 - our own address
            f"{url}/api/system/storage", headers={"Authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(  # noqa: S310 - our own address
            request, timeout=_PATIENCE_S, context=tls.client_context(settings)
        ) as response:
            used = json.load(response)
    except (OSError, ValueError, click.ClickException):
        return []
    lines = [f"  stored         {_size(used['file_bytes'])}, log {_size(used['log_bytes'])}"]
    lines.extend(
        f"    {family['family']:<12} {family['rows']:>12,} rows  {_size(family['bytes']):>9}"
        for family in used["families"]
    )
    return lines


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


def _readiness(url: str, trusted: ssl.SSLContext | None) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(  # noqa: S310 - our own address
            f"{url}/readyz", timeout=_PATIENCE_S, context=trusted
        ) as response:
            return response.status, {}
    except urllib.error.HTTPError as error:
        with error:
            try:
                return error.code, dict(json.load(error))
            except ValueError:
                return error.code, {}
    except OSError as error:
        return 0, {"detail": f"not answering ({error})"}
