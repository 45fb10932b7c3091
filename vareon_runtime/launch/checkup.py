"""What can stand in the way of Vareon on this machine, each with what to do about it."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from vareon_runtime.config import Settings
from vareon_runtime.errors import ConfigurationError
from vareon_runtime.launch import instance_lock, port, running
from vareon_runtime.launch.database_url import SCHEME, check_database_file
from vareon_runtime.launch.typed_command import typed_command

GOOD, WARN, BAD = "good", "warn", "bad"
RAY_SERIES = "2.60."
_LEAST_DISK, _SCARCE_DISK = 200_000_000, 2_000_000_000
_SCARCE_SHM = 120_000_000
_SCARCE_MEMORY = 1_000_000_000
_SCARCE_FILES = 4_096
_QUICK_CHECK_BYTES = 2_000_000_000
"""A larger database is not read as a whole."""
_CLOCK_BACK_S = 60.0
_SHM = Path("/dev/shm")  # noqa: S108 - Ray's own place for it


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        state: `GOOD`, `WARN` (it works, but look at it) or `BAD` (it will not work).
        fix: What to do; empty when all is well.
    """

    name: str
    state: str
    what: str
    fix: str = ""


def examine(settings: Settings, now_s: float | None = None) -> Iterator[Finding]:
    """Look at everything, one thing after the other; nothing is changed, nothing is started.

    Args:
        settings: Those that `vareon up` would use.
        now_s: The wall clock; the system's by default.
    """
    looks: tuple[Callable[[], Finding], ...] = (
        _ray,
        lambda: _data_dir(settings),
        lambda: _disk(settings),
        _memory,
        lambda: _shared_memory(_SHM),
        _open_files,
        lambda: _port(settings),
        lambda: _dashboard(settings),
        lambda: _secrets(settings),
        lambda: _database(settings),
        lambda: _schema(settings),
        lambda: _clock(settings, time.time() if now_s is None else now_s),
    )
    for look in looks:
        yield look()


def _ray() -> Finding:
    try:
        version = metadata.version("ray")
    except metadata.PackageNotFoundError:
        return Finding("Ray", BAD, "not installed", "install Vareon again, with its lock file")
    if not version.startswith(RAY_SERIES):
        return Finding(
            "Ray",
            BAD,
            f"version {version}",
            f"install {RAY_SERIES}x: Vareon relies on measured behaviour of that series",
        )
    return Finding("Ray", GOOD, f"version {version}")


def _data_dir(settings: Settings) -> Finding:
    where = settings.data_dir
    nearest = next(folder for folder in (where, *where.parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        return Finding(
            "data dir",
            BAD,
            f"{nearest} cannot be written",
            "give this user write access, or choose another with --data-dir (VAREON_DATA_DIR)",
        )
    return Finding("data dir", GOOD, f"{where}{'' if nearest == where else ', made at the start'}")


def _disk(settings: Settings) -> Finding:
    where = settings.data_dir
    nearest = next(folder for folder in (where, *where.parents) if folder.exists())
    free = shutil.disk_usage(nearest).free
    state = BAD if free < _LEAST_DISK else WARN if free < _SCARCE_DISK else GOOD
    fix = "" if state == GOOD else f"make room on the file system of {nearest}"
    return Finding("disk", state, f"{free / 1e9:,.1f} GB free", fix)


def _memory() -> Finding:
    import psutil  # type: ignore[import-untyped]

    free = psutil.virtual_memory().available
    if free < _SCARCE_MEMORY:
        return Finding(
            "memory", WARN, f"{free / 1e9:.1f} GB available", "end other programs: 1 GB is needed"
        )
    return Finding("memory", GOOD, f"{free / 1e9:.1f} GB available")


def _shared_memory(where: Path) -> Finding:
    try:
        room = os.statvfs(where)
    except OSError:
        return Finding(
            "shared memory",
            WARN,
            "not there",
            "Ray uses the disk instead, which is slower: mount /dev/shm",
        )
    free = room.f_bavail * room.f_frsize
    if free < _SCARCE_SHM:
        return Finding(
            "shared memory",
            WARN,
            f"{free / 1e6:,.0f} MB free",
            "Ray uses the disk instead; in a container say --shm-size=256m",
        )
    return Finding("shared memory", GOOD, f"{free / 1e6:,.0f} MB free")


def _open_files() -> Finding:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < _SCARCE_FILES:
        return Finding(
            "open files",
            WARN,
            f"at most {most:,}",
            f"raise it, so that sockets find room: ulimit -n {_SCARCE_FILES * 4}",
        )
    shown = "no limit" if most == resource.RLIM_INFINITY else f"up to {most:,}"
    return Finding("open files", GOOD, shown)


def _port(settings: Settings) -> Finding:
    ours = running.read(settings)
    if instance_lock.owner(settings.data_dir) is not None and ours is not None:
        return Finding("port", GOOD, f"Vareon answers at {ours.url}")
    try:
        port.bind(settings.host, settings.port).close()
    except ConfigurationError as error:
        what, _, fix = error.detail.partition(": ")
        return Finding("port", BAD, what, fix.rstrip("."))
    return Finding("port", GOOD, f"{settings.port} on {settings.host} is free")


def _dashboard(settings: Settings) -> Finding:
    name = "Ray dashboard"
    if instance_lock.owner(settings.data_dir) is not None:
        return Finding(name, GOOD, "in use by Vareon")
    try:
        port.free_dashboard_port(settings.ray_dashboard_port)
    except ConfigurationError as error:
        what, _, fix = error.detail.partition(": ")
        return Finding(name, BAD, what, fix.rstrip("."))
    return Finding(name, GOOD, f"port {settings.ray_dashboard_port} is free")


def _secrets(settings: Settings) -> Finding:
    folder = settings.secrets_dir
    if not folder.is_dir():
        return Finding("keys", GOOD, "made at the first start")
    open_ones = [found.name for found in sorted(folder.iterdir()) if found.stat().st_mode & 0o077]
    if open_ones or folder.stat().st_mode & 0o077:
        return Finding(
            "keys",
            BAD,
            "readable by other users",
            f"chmod 700 {folder}; chmod 600 {folder}/*",
        )
    database = Path(settings.database_url.removeprefix(SCHEME))
    lost = not settings.encryption_key_file.exists() and database.exists()
    if lost and database.stat().st_size:
        return Finding(
            "keys",
            WARN,
            "the encryption key is gone",
            "put secrets/encryption.key back from a backup, or set the providers' keys again",
        )
    return Finding("keys", GOOD, f"{folder}, closed to others")


def _database(settings: Settings) -> Finding:
    path = Path(settings.database_url.removeprefix(SCHEME))
    if not path.exists():
        return Finding("database", GOOD, "made at the first start")
    size = f"{path.stat().st_size / 1e6:,.1f} MB"
    restore = f"{typed_command()} restore <backup> --replace"
    try:
        check_database_file(settings.database_url)
        if path.stat().st_size > _QUICK_CHECK_BYTES:
            return Finding("database", GOOD, f"{size}, too large to be read as a whole here")
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)) as connection:
            (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except ConfigurationError as error:
        what, _, fix = error.detail.partition(": ")
        return Finding("database", BAD, what, fix.rstrip("."))
    except sqlite3.Error as error:
        return Finding("database", BAD, f"{path} cannot be read ({error})", restore)
    if said != "ok":
        return Finding("database", BAD, f"{path} is damaged: {said[:100]}", restore)
    return Finding("database", GOOD, f"{size}, whole")


def _schema(settings: Settings) -> Finding:
    from vareon_runtime.migrations.run import HEAD, revision_of

    try:
        found = revision_of(Path(settings.database_url.removeprefix(SCHEME)))
    except (sqlite3.Error, OSError):
        return Finding("migrations", BAD, "cannot be read", "see the line about the database")
    if found is None:
        return Finding("migrations", GOOD, f"made at the first start, schema {HEAD}")
    if found > HEAD:
        return Finding(
            "migrations",
            BAD,
            f"schema {found} is of a newer version; this one knows {HEAD}",
            "install the newer version, or restore a backup of this one",
        )
    if found < HEAD:
        return Finding(
            "migrations",
            WARN,
            f"schema {found}, brought to {HEAD} at the next start",
            f"make a copy before: {typed_command()} backup",
        )
    return Finding("migrations", GOOD, f"schema {found}, current")


def _clock(settings: Settings, now_s: float) -> Finding:
    path = Path(settings.database_url.removeprefix(SCHEME))
    shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now_s))
    written_s = max(
        (found.stat().st_mtime for found in path.parent.glob(f"{path.name}*")), default=0.0
    )
    if written_s > now_s + _CLOCK_BACK_S:
        return Finding(
            "clock",
            BAD,
            f"{shown} is {written_s - now_s:,.0f} s before the last write to the database",
            "set the clock (timedatectl set-ntp true): ids, leases and reminders depend on it",
        )
    return Finding("clock", GOOD, shown)
