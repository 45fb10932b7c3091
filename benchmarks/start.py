"""How long a start takes, against bare Ray with the same options and one actor."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks.figures import Line
from benchmarks.system import RunningSystem

RUNS = 3

BARE = """
import os, sys, pathlib
folder = sys.argv[1]
token = pathlib.Path(folder, "token")
token.write_text("a" * 64)
os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_AUTH_MODE="token",
                  RAY_AUTH_TOKEN_PATH=str(token), RAY_worker_niceness="0")
import ray
ray.init(address="local", namespace="bare", include_dashboard=True, dashboard_host="127.0.0.1",
         dashboard_port=0, num_cpus=max(3, os.cpu_count() or 1), log_to_driver=False,
         configure_logging=False, object_store_memory=80 << 20, _temp_dir=folder)
class Actor:
    async def hello(self): return 1
ray.get(ray.remote(num_cpus=0)(Actor).remote().hello.remote())
sys.stdout.write("ready\\n"); sys.stdout.flush()
sys.stdin.read()
ray.shutdown()
"""


async def measure() -> list[Line]:
    """Alternate starts of both."""
    ours: list[float] = []
    bare: list[float] = []
    for _ in range(RUNS):
        bare.append(_bare())
        async with RunningSystem() as system:
            ours.append(system.ready_s)
    mine, bar = statistics.median(ours), statistics.median(bare)
    ratio = mine / bar
    return [
        Line(
            "start until /readyz, median of three",
            f"{mine:.2f} s",
            f"ray.init() with the same options and one actor: {bar:.2f} s",
            f"{ratio:.2f} times",
            "at most 1.3 times",
            ratio <= 1.3,
        )
    ]


def _bare() -> float:
    with tempfile.TemporaryDirectory(prefix="ray") as folder:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-c", BARE, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdout is not None
        process.stdout.readline()
        took = time.perf_counter() - began
        process.communicate(timeout=30)
    return took
