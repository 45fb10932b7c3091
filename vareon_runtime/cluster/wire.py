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

from vareon_runtime.config import Settings, Smtp

MAX_LINE_BYTES = 64 * 1024
_SMTP_PATHS = ("password_file", "ca_file")


def line(message: dict[str, Any]) -> bytes:
    """One message, ready to be written."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def settings_to_wire(settings: Settings) -> dict[str, Any]:
    """Settings as plain JSON values."""
    return _plain(dataclasses.asdict(settings))


def settings_from_wire(values: dict[str, Any]) -> Settings:
    """The settings that `settings_to_wire` wrote."""
    smtp = values["smtp"] and Smtp(
        **{**values["smtp"], **{name: _path(values["smtp"][name]) for name in _SMTP_PATHS}}
    )
    return Settings(
        **{
            **values,
            "data_dir": Path(values["data_dir"]),
            "entities": tuple(values["entities"]),
            "smtp": smtp,
        }
    )


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _plain(value)
        if isinstance(value, dict)
        else str(value)
        if isinstance(value, Path)
        else value
        for name, value in values.items()
    }


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
