"""Telling the person who started the server, through the small parent process that they see."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import orjson

_PATIENCE_S = 5.0


class ServerTerminal:
    """The parent's control socket, as somebody who only has something to show.

    Args:
        path: Where the parent listens.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    async def show(self, recipient: str, subject: str, link: str) -> None:
        """Print a letter; where there is no parent to print it, the outbox has it all the same."""
        told = {"event": "letter", "recipient": recipient, "subject": subject, "link": link}
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                _, writer = await asyncio.open_unix_connection(self._path)
                writer.write(orjson.dumps(told) + b"\n")
                await writer.drain()
                writer.close()
                await writer.wait_closed()
