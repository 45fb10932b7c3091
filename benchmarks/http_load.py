"""A load generator light enough not to be what is measured; a process of its own.

``python -m benchmarks.http_load PORT CONNECTIONS EACH REQUEST-FILE``: every connection sends the
request, with ``{n}`` replaced by its number, waits for the response, and sends again. It prints
latencies' summary as JSON. Responses are read by their Content-Length.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from benchmarks.figures import Speed


class Connection(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self, request: bytes, each: int, latencies: list[float]) -> None:
        self._request = request
        self._left = each
        self._latencies = latencies
        self._buffer = b""
        self._began = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = transport  # type: ignore[assignment]
        self._send()

    def data_received(self, data: bytes) -> None:
        """Read a response, and send the next request when it is whole."""
        self._buffer += data
        head, blank, body = self._buffer.partition(b"\r\n\r\n")
        if not blank:
            return
        lowered = head.lower()
        at = lowered.index(b"content-length:") + 15
        length = int(lowered[at:].partition(b"\r\n")[0])
        if len(body) < length:
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self.done.set_exception(RuntimeError(self._buffer[:300].decode()))
            return
        self._buffer = b""
        self._latencies.append(time.perf_counter() - self._began)
        self._left -= 1
        if self._left:
            self._send()
        elif not self.done.done():
            self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        """Fail if it was not the end."""
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("hung up"))

    def _send(self) -> None:
        self._began = time.perf_counter()
        if self._transport is not None:
            self._transport.write(self._request)


async def _run(port: int, connections: int, each: int, request: str) -> Speed:
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    open_ones = []
    began = time.perf_counter()
    for number in range(connections):
        raw = request.replace("{n}", str(number)).encode()
        _, connection = await loop.create_connection(
            lambda raw=raw: Connection(raw, each, latencies), "127.0.0.1", port
        )
        open_ones.append(connection)
    await asyncio.gather(*(connection.done for connection in open_ones))
    return Speed.of(latencies, time.perf_counter() - began)


def in_process(port: int, connections: int, each: int, request: str) -> Speed:
    """Run it in a process of its own and return what it measured."""
    with tempfile.NamedTemporaryFile("w", suffix=".http", newline="") as file:
        file.write(request)
        file.flush()
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "benchmarks.http_load",
                str(port),
                str(connections),
                str(each),
                file.name,
            ],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            timeout=120,
        )
    return Speed(*json.loads(done.stdout))


def main() -> None:
    """Entry of the process."""
    port, connections, each, path = sys.argv[1:5]
    request = Path(path).read_bytes().decode()
    speed = uvloop.run(_run(int(port), int(connections), int(each), request))
    print(json.dumps([speed.rate, speed.p50_ms, speed.p99_ms]))


if __name__ == "__main__":
    main()
