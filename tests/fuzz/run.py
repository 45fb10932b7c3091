"""Runs schemathesis over ``/openapi.json`` of the whole system."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from tests.support.system import InProcessSystem

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


async def _key(system: InProcessSystem) -> str:
    """A key of the administrator's: unlike a token it outlives the end of all sessions."""
    body = {"name": "fuzz"}
    async with system.admin().post("/api/keys", json=body) as response:
        assert response.status == 201, await response.text()
        return str((await response.json())["key"])


async def fuzz(system: InProcessSystem, examples: int, time_s: float) -> tuple[int, str]:
    """Exit status and report of one run, as an administrator.

    Args:
        system: What is asked.
        examples: How many for each operation and phase.
        time_s: How long it may take at most.
    """
    token = await _key(system)
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        "--config-file",
        str(HERE / "schemathesis.toml"),
        "run",
        f"{system.url}/openapi.json",
        "--header",
        f"Authorization: Bearer {token}",
        "--checks",
        "all",
        "--max-examples",
        str(examples),
        "--no-color",
        "--generation-deterministic",
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(time_s):
            told, _ = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    return process.returncode or 0, told.decode(errors="replace")
