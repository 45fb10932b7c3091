"""What the parent writes down about itself, for the command line and for the next start."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from vareon_runtime.config import Settings


@dataclass(frozen=True, slots=True)
class Running:
    """A parent that is, or was, at work on this data dir."""

    pid: int
    url: str
    instance: str
    dashboard_url: str


def _file(settings: Settings) -> Path:
    return settings.run_dir / "vareon.json"


def write(settings: Settings, running: Running) -> None:
    """Replace the record."""
    target = _file(settings)
    fresh = target.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(running)) + os.linesep, encoding="utf-8")
    fresh.replace(target)


def read(settings: Settings) -> Running | None:
    """The last record, whether or not its process lives; ``None`` without a readable one."""
    try:
        return Running(**json.loads(_file(settings).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def started_s(settings: Settings) -> float | None:
    """When the start was written down, by the wall clock; None if it was not."""
    try:
        return _file(settings).stat().st_mtime
    except OSError:
        return None


def remove(settings: Settings) -> None:
    """Forget the record, after a clean stop."""
    _file(settings).unlink(missing_ok=True)
