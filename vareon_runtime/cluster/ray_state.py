"""Whether Ray's control service can be reached from this process."""

from __future__ import annotations

import asyncio
import sys

CONNECT_TIME_S = 1.0


async def ray_state() -> str:
    """``ok``, or what is wrong; ``not used`` in a process that Ray did not start."""
    # Not imported here: in a process that does not use it, that would take a second.
    ray = sys.modules.get("ray")
    if ray is None or not ray.is_initialized():
        return "not used"
    host, _, port = str(ray.get_runtime_context().gcs_address).rpartition(":")
    try:
        async with asyncio.timeout(CONNECT_TIME_S):
            _, writer = await asyncio.open_connection(host, int(port))
    except (OSError, TimeoutError, ValueError):
        return "control service not reachable"
    writer.close()
    return "ok"
