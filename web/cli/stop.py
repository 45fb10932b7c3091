"""``vareon down``."""

from __future__ import annotations

import signal
from pathlib import Path

import click

from vareon_runtime.launch import instance_lock
from web.cli.instance import data_dir_option, settings_for
from web.cli.telling import Told, tells

_PATIENCE_S = 20.0


@click.command()
@data_dir_option
@tells
def down(data_dir: Path | None) -> Told:
    r"""Stop the instance that runs on this data dir, and wait for its end.

    \b
    Examples:
      vareon down
    """
    settings = settings_for(data_dir)
    pid = instance_lock.owner(settings.data_dir)
    if pid is None:
        value = {"stopped": False, "process": None}
        return Told(value, [f"Vareon is not running on {settings.data_dir}"], failed=True)
    if not _ended(pid):
        raise click.ClickException(f"process {pid} has not ended in {_PATIENCE_S:.0f} s")
    return Told({"stopped": True, "process": pid}, ["Vareon has stopped"])


def _ended(pid: int) -> bool:
    """Ask it to end; the handle taken first cannot come to mean another process."""
    from vareon_runtime.launch.process_handle import ProcessHandle

    try:
        with ProcessHandle(pid) as handle:
            handle.send(signal.SIGTERM)
            return handle.ended(_PATIENCE_S)
    except ProcessLookupError:
        return True
