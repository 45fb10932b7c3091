"""What parent and driver say to each other: one JSON object a line, over the driver's pipes.

Parent to driver: first `{"settings", "log_dir", "ray_dir"}`, then `{"do": "host"}` once the schema
is ready and `{"do": "stop"}`. Driver to parent: `{"event": "ray" | "actors" | "ready" |
"failing" | "failed" | "stopped", …}`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from vareon_runtime.config import Settings

MAX_LINE_BYTES = 64 * 1024


def line(message: dict[str, Any]) -> bytes:
    """One message, ready to be written."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def settings_to_wire(settings: Settings) -> dict[str, Any]:
    """Settings as plain JSON values."""
    found: dict[str, Any] = msgspec.to_builtins(settings, enc_hook=str)
    return found


def settings_from_wire(values: dict[str, Any]) -> Settings:
    """The settings that `settings_to_wire` wrote."""
    return msgspec.convert(values, Settings, dec_hook=_read)


def _read(kind: type, value: Any) -> Any:
    if kind is not Path:
        raise NotImplementedError(kind)
    return Path(value)
