"""A durable command over HTTP, against a FastAPI route that does nothing."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.figures import Line, Speed, fastest
from benchmarks.http_load import in_process
from benchmarks.system import RunningSystem, free_port

CONNECTIONS = 32
RUNS = 3
BASELINE = "uvicorn --loop asyncio --http h11 --workers 1 --no-access-log --log-level critical"


def measure(system: RunningSystem) -> list[Line]:
    """Interleaved runs of both."""
    body = '{"by":1}'
    command = (
        "POST /api/entities/tally/http-{n}/Add HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {system.token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )
    nothing = "GET /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    ours: list[Speed] = []
    baseline: list[Speed] = []
    with _fastapi() as port:
        in_process(system.port, CONNECTIONS, 50, command)
        in_process(port, CONNECTIONS, 50, nothing)
        for _ in range(RUNS):
            baseline.append(in_process(port, CONNECTIONS, 500, nothing))
            ours.append(in_process(system.port, CONNECTIONS, 500, command))
    best, bar = fastest(ours), fastest(baseline)
    ratio = best.rate / bar.rate
    return [
        Line(
            "durable command over HTTP, 32 connections",
            str(best),
            f"FastAPI no-op GET ({BASELINE}): {bar}",
            f"{ratio:.2f} times",
            "0.7 (stretch 1.2)",
            ratio >= 0.7,
        )
    ]


@contextmanager
def _fastapi() -> Iterator[int]:
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", *BASELINE.split(), "--port", str(port), "benchmarks.nothing:app"]
    )
    try:
        _until_open(port)
        yield port
    finally:
        server.terminate()
        server.wait(10)


def _until_open(port: int) -> None:
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError("the baseline does not start")
