"""A client of the chat socket, as a test wants to speak with it."""

from __future__ import annotations

import asyncio
from typing import Any, Self

import aiohttp

WAIT_S = 20.0


class ChatClient:
    """One socket on one conversation.

    Attributes:
        frames: Everything received, in order.
    """

    def __init__(
        self, session: aiohttp.ClientSession, conversation_id: str, **options: Any
    ) -> None:
        self._session = session
        self._path = f"/ws/chat/{conversation_id}"
        self._options = options
        self.frames: list[dict[str, Any]] = []

    async def __aenter__(self) -> Self:
        self.socket = await self._session.ws_connect(
            self._path, **{"max_msg_size": 0, **self._options}
        )
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.socket.close()

    async def say(self, content: str, client_id: str | None = None) -> None:
        """Send a message."""
        frame = {"type": "message", "content": content}
        await self.send(**frame, **({"id": client_id} if client_id else {}))

    async def send(self, **frame: Any) -> None:
        """Send any frame."""
        await self.socket.send_json(frame)

    async def next(self) -> dict[str, Any]:
        """The next frame."""
        async with asyncio.timeout(WAIT_S):
            frame = await self.socket.receive_json()
        self.frames.append(frame)
        return dict(frame)

    async def until(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The next frame of this kind with these fields; what comes before is kept in frames."""
        while True:
            frame = await self.next()
            if frame["type"] == kind and fields.items() <= frame.items():
                return frame

    async def closed(self) -> int | None:
        """Read until the server closes; the code it closes with."""
        async with asyncio.timeout(WAIT_S):
            async for message in self.socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self.frames.append(message.json())
        return self.socket.close_code

    def shown(self, turn: str) -> str:
        """The text of a turn as a client shows it; checks that nothing is missing or doubled."""
        text = ""
        for frame in self.frames:
            if frame.get("turn") != turn:
                continue
            if frame["type"] == "reset":
                text = ""
            elif frame["type"] == "delta":
                assert frame["offset"] == len(text) + len(frame["text"]), frame
                text += frame["text"]
        return text
