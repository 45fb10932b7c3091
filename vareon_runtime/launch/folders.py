"""The data dir and the folders in it."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import tempfile
from pathlib import Path

from vareon_runtime.config import Settings
from vareon_runtime.errors import ConfigurationError

_PRIVATE = 0o700
_RAY_PATH_LIMIT = 38
"""Ray adds up to 69 bytes to it for its longest socket, and a unix socket's path ends at 107."""


def prepare(settings: Settings) -> None:
    """Create what is missing, closed to other users.

    Raises:
        ConfigurationError: If the data dir cannot be written, or a folder is somebody else's.
    """
    private = (settings.run_dir, settings.secrets_dir, ray_dir(settings).parent)
    for folder in (settings.data_dir, log_dir(settings), *private, ray_dir(settings)):
        try:
            folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
            if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            if not folder.is_relative_to(settings.data_dir):
                _refuse_strangers(folder)
            if folder in private:
                folder.chmod(_PRIVATE)
        except OSError as error:
            raise ConfigurationError(
                f"The data dir {settings.data_dir} cannot be used ({folder}: "
                f"{error.strerror}): choose another with --data-dir (VAREON_DATA_DIR)."
            ) from None
    link = log_dir(settings) / "ray"
    if not link.is_symlink():
        link.symlink_to(ray_dir(settings) / "session_latest" / "logs")


def log_dir(settings: Settings) -> Path:
    """Where each of our processes keeps its log."""
    return settings.data_dir / "logs"


def ray_dir(settings: Settings) -> Path:
    """Ray's session folders, with its sockets and its own logs; short whatever the data dir is.

    Ray opens this folder to everybody, so the one around it is always closed.
    """
    beside = settings.run_dir / "ray"
    if len(str(beside)) <= _RAY_PATH_LIMIT:
        return beside
    digest = hashlib.sha256(str(settings.data_dir).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"vareon-ray-{digest}" / "r"


def _refuse_strangers(folder: Path) -> None:
    """In the temporary folder anybody may have made it first, even as a link to elsewhere."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise PermissionError(errno.EPERM, "it belongs to somebody else")
