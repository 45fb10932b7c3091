"""The OpenAPI document as it is checked in: ``docs/openapi.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[2] / "docs" / "openapi.json"


def written(document: dict[str, Any]) -> str:
    """The document as the file holds it: line by line, so that changes show."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
