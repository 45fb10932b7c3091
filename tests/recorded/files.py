"""Where the bytes are, and how their names are to be read."""

from __future__ import annotations

import json
from pathlib import Path

FOLDER = Path(__file__).parent / "bytes"
FINGERPRINTS = Path(__file__).parent / "fingerprints.json"


def file_of(name: str, version: int) -> Path:
    """The example of one version of a type."""
    return FOLDER / f"{name}.{version}.bin"


def recorded() -> list[tuple[str, int, Path]]:
    """Every recorded example, with its type's name and version."""
    found = []
    for file in sorted(FOLDER.glob("*.bin")):
        name, version, _ = file.name.split(".")
        found.append((name, int(version), file))
    return found


def fingerprints() -> dict[str, str]:
    """The shape of each recorded version, by ``name.version``."""
    if not FINGERPRINTS.exists():
        return {}
    return dict(json.loads(FINGERPRINTS.read_text(encoding="utf-8")))
