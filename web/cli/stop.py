"""``vareon down``."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import click

from vareon_runtime.launch import instance_lock
from web.cli.instance import data_dir_option, settings_for

_PATIENCE_S = 20.0


@click.command()
@data_dir_option
def down(data_dir: Path | None) -> None:
    """Stop the instance that runs on this data dir, and wait for its end."""
    settings = settings_for(data_dir)
    pid = instance_lock.owner(settings.data_dir)
    if pid is None:
        click.echo(f"Vareon is not running on {settings.data_dir}")
        sys.exit(1)
    if not _ended(pid):
        raise click.ClickException(f"process {pid} has not ended in {_PATIENCE_S:.0f} s")
    click.echo("Vareon has stopped")


def _ended(pid: int) -> bool:
    """Ask it to end; the handle taken first cannot come to mean another process."""
    from vareon_runtime.launch.process_handle import ProcessHandle

    try:
        with ProcessHandle(pid) as handle:
            handle.send(signal.SIGTERM)
            return handle.ended(_PATIENCE_S)
    except ProcessLookupError:
        return True
