"""``python -m tests.openapi``: write ``docs/openapi.json`` anew, after a route has changed."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from tests.openapi import FILE, written
from tests.support.system import InProcessSystem


async def main() -> None:
    """Ask the system itself."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            InProcessSystem(Path(folder)) as system,
            system.client().get("/openapi.json") as response,
        ):
            FILE.write_text(written(await response.json()), encoding="utf-8")


asyncio.run(main())
