"""What parent and driver say to each other: one JSON object a line, over the driver's pipes.

Parent to driver: first `{"settings", "log_dir", "ray_dir"}`, then `{"do": "host"}` once the schema
is ready and `{"do": "stop"}`. Driver to parent: `{"event": "ray" | "actors" | "ready" |
"failing" | "failed" | "stopped", …}`.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from vareon_runtime.config import Settings

MAX_LINE_BYTES = 64 * 1024


def line(message: dict[str, Any]) -> bytes:
    """One message, ready to be written."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def settings_to_wire(settings: Settings) -> dict[str, Any]:
    """Settings as plain JSON values."""
    values = dataclasses.asdict(settings)
    values["data_dir"] = str(settings.data_dir)
    return values


def settings_from_wire(values: dict[str, Any]) -> Settings:
    """The settings that `settings_to_wire` wrote."""
    return Settings(
        **{**values, "data_dir": Path(values["data_dir"]), "entities": tuple(values["entities"])}
    )
