"""A bounded file for each process's log lines."""

from __future__ import annotations

import logging
import logging.handlers
from pathlib import Path

from vareon_runtime.telemetry import JsonLines

_MAX_FILE_BYTES = 5 * 1024 * 1024
_KEPT_FILES = 5


def write_to(path: Path) -> None:
    """Keep this process's own events, and warnings of the libraries it uses, in a file."""
    handler = logging.handlers.RotatingFileHandler(
        path, maxBytes=_MAX_FILE_BYTES, backupCount=_KEPT_FILES, encoding="utf-8"
    )
    handler.setFormatter(JsonLines())
    ours, root = logging.getLogger("vareon"), logging.getLogger()
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    ours.propagate = False
    root.addHandler(handler)
