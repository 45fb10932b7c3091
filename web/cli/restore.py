"""``vareon restore``."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import click

from vareon_runtime.config import Settings
from vareon_runtime.errors import ConfigurationError
from vareon_runtime.launch import folders
from vareon_runtime.launch.instance_lock import InstanceLock
from vareon_runtime.launch.typed_command import typed_command
from web.cli.instance import data_dir_option, settings_for
from web.cli.telling import Told, tells

_KEPT = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
_PARTS = ("", "-wal", "-shm")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--replace", is_flag=True, help="Move a database that is there out of the way.")
@data_dir_option
@tells
def restore(file: Path, *, replace: bool, data_dir: Path | None) -> Told:
    r"""Make a data dir from the backup in FILE; Vareon must not run on it.

    A backup of an older version is brought up to date. Nothing is changed unless all of it can be
    read; a database that was there before is kept under another name.

    \b
    Examples:
      vareon restore monday.jsonl.gz --data-dir ./again
    """
    from vareon_runtime.hosting.bootstrap import sqlite_path
    from vareon_runtime.launch import archive

    settings = settings_for(data_dir)
    try:
        folders.prepare(settings)
        lock = InstanceLock.take(settings.data_dir)
        path = sqlite_path(settings.database_url)
        if path.exists() and path.stat().st_size and not replace:
            raise ConfigurationError(
                f"{path} exists already: choose another --data-dir, or add --replace."
            )
        fresh = path.with_name(f"{path.name}.restoring")
        _remove(fresh)
        with file.open("rb") as source:
            try:
                contents = archive.restore(source, fresh, settings.entities)
            except ConfigurationError:
                _remove(fresh)
                raise
        aside = _put_in_place(fresh, path)
        _keep(settings, contents.kept)
        lock.release()
    except ConfigurationError as error:
        raise click.ClickException(error.detail) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
    told = {"rows": contents.rows, "made_at": contents.made_at, "moved_aside": aside}
    rows = sum(contents.rows.values())
    lines = [f"{rows:,} rows of {contents.made_at} are in {settings.data_dir}"]
    if aside:
        lines.append(f"  what was there before is in {aside}")
    if "encryption.key" not in contents.kept and not settings.encryption_key_file.exists():
        lines.append(
            "  providers' API keys cannot be read without the old secrets/encryption.key: copy it "
            f"to {settings.secrets_dir}, or set the keys again"
        )
    lines.append(f"  start it with `{typed_command()} up`")
    return Told({"data_dir": str(settings.data_dir), **told}, lines)


def _put_in_place(fresh: Path, path: Path) -> str:
    """Swap the files; returns where the old one went, or nothing."""
    _settle(fresh)
    aside = ""
    if path.exists():
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        aside = f"{path}.before-{stamp}"
        for part in _PARTS:
            old = Path(f"{path}{part}")
            if old.exists():
                old.rename(f"{aside}{part}")
    fresh.rename(path)
    return aside


def _settle(fresh: Path) -> None:
    """All of it into the one file, and onto the disk."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(fresh)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    descriptor = os.open(fresh, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def _keep(settings: Settings, kept: dict[str, str]) -> None:
    """What the backup brings replaces what is there: rows are signed and encrypted under it."""
    for name, content in kept.items():
        if not _KEPT.fullmatch(name):
            raise ConfigurationError(f"The backup names a file '{name[:40]}' that is none of ours.")
        target = settings.secrets_dir / name
        unfinished = target.with_name(f"{name}.new")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as into:
            into.write(content)
        unfinished.replace(target)


def _remove(path: Path) -> None:
    for part in _PARTS:
        Path(f"{path}{part}").unlink(missing_ok=True)
