"""``vareon down``."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
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
    if not hasattr(os, "pidfd_open"):
        return _ended_by_polling(pid)
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        return bool(select.select([handle], [], [], _PATIENCE_S)[0])
    except ProcessLookupError:
        return True
    finally:
        os.close(handle)


def _ended_by_polling(pid: int) -> bool:
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False
