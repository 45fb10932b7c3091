"""``vareon backup``."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import asdict
from pathlib import Path

import click

from vareon_runtime.config import Settings
from vareon_runtime.errors import ConfigurationError
from web.cli.instance import data_dir_option, settings_for
from web.cli.telling import Told, tells

_ADMIN_ID = "admin.id"
_OF_ONE_MACHINE = frozenset({"ray.token", "initial-admin-password"})


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option(
    "--with-keys", is_flag=True, help="Put the keys in as well: guard the file like them."
)
@data_dir_option
@tells
def backup(file: Path | None, *, with_keys: bool, data_dir: Path | None) -> Told:
    r"""Copy everything into FILE, while Vareon runs or not.

    All of it is as of one moment. Without --with-keys, providers' API keys stay encrypted under a
    key that is not in the file; keep a copy of the folder `secrets` in a safe place.

    \b
    Examples:
      vareon backup
      vareon backup /safe/place/monday.jsonl.gz --with-keys
    """
    from vareon_runtime.hosting.bootstrap import sqlite_path
    from vareon_runtime.launch import archive

    settings = settings_for(data_dir)
    file = file or Path(time.strftime("vareon-backup-%Y%m%d-%H%M%S.jsonl.gz", time.gmtime()))
    unfinished = file.with_name(f"{file.name}.unfinished")
    if file.exists():
        raise click.ClickException(f"{file} exists already: name another file")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as into:
            kept = _kept(settings, with_keys=with_keys)
            contents = archive.write(sqlite_path(settings.database_url), into, kept)
            into.flush()
            os.fsync(into.fileno())
        unfinished.replace(file)
    except ConfigurationError as error:
        unfinished.unlink(missing_ok=True)
        raise click.ClickException(error.detail) from None
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise click.ClickException(
            f"{file} cannot be written ({error.strerror}): name a file where there is room"
        ) from None
    with file.open("rb") as written:
        digest = hashlib.file_digest(written, "sha256").hexdigest()
    told = {
        "file": str(file),
        "bytes": file.stat().st_size,
        "sha256": digest,
        "with_keys": with_keys,
        **{name: value for name, value in asdict(contents).items() if name != "kept"},
    }
    lines = [
        f"{sum(contents.rows.values()):,} rows are in {file} ({told['bytes']:,} bytes)",
        f"  sha256  {digest}",
    ]
    if not with_keys:
        lines.append(f"  keys    not in it; they are in {settings.secrets_dir}")
    return Told(told, lines)


def _kept(settings: Settings, *, with_keys: bool) -> dict[str, str]:
    """The administrator's id, without which a restored system would make another; and keys."""
    wanted = {_ADMIN_ID}
    if with_keys and settings.secrets_dir.is_dir():
        wanted |= {found.name for found in settings.secrets_dir.iterdir() if found.is_file()}
    return {
        name: (settings.secrets_dir / name).read_text(encoding="utf-8")
        for name in sorted(wanted - _OF_ONE_MACHINE)
        if (settings.secrets_dir / name).is_file()
    }
