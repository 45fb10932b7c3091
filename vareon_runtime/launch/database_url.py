"""A first look at the database's address, before anything is started for it."""

from __future__ import annotations

import os
from pathlib import Path

from vareon_runtime.errors import ConfigurationError

SCHEME = "sqlite:///"
_SQLITE_HEADER = b"SQLite format 3\x00"


def checked_database_url(url: str, data_dir: Path) -> str:
    """The address in its absolute form; empty means the file in the data dir.

    Raises:
        ConfigurationError: If this version has no store for such an address.
    """
    if not url:
        return f"{SCHEME}{data_dir / 'vareon.db'}"
    path = url.removeprefix(SCHEME)
    if path == url or not path or path.startswith(":") or "?" in path:
        raise ConfigurationError(
            f"VAREON_DATABASE_URL '{_without_password(url)}' is not one this version can use: "
            "write sqlite:////absolute/path/vareon.db, or leave it out."
        )
    return f"{SCHEME}{Path(path).expanduser().absolute()}"


def check_database_file(url: str) -> None:
    """Make sure that the file is, or can become, a SQLite database.

    Raises:
        ConfigurationError: If its folder is missing or closed to us, or it is something else.
    """
    path = Path(url.removeprefix(SCHEME))
    if not path.parent.is_dir():
        raise ConfigurationError(
            f"The database's folder {path.parent} does not exist: create it, or change "
            "VAREON_DATABASE_URL."
        )
    if not _writable(path):
        raise ConfigurationError(
            f"The database {path} cannot be written: give this user write access to it and its "
            "folder, or change VAREON_DATABASE_URL."
        )
    if path.exists() and not _looks_like_sqlite(path):
        raise ConfigurationError(
            f"{path} is not a SQLite database: move it away, or change VAREON_DATABASE_URL."
        )


def _writable(path: Path) -> bool:
    """Found out by opening it: an empty file is as good a beginning as none."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except IsADirectoryError:
        return True
    except OSError:
        return False
    return os.access(path.parent, os.W_OK | os.X_OK)


def _looks_like_sqlite(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(len(_SQLITE_HEADER))
    return head in (b"", _SQLITE_HEADER)


def _without_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}…{rest.rpartition('@')[2]}"[:80] if "@" in rest else url[:80]
