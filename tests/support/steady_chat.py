"""A chat client that behaves as a good one does: it reconnects, resumes, and counts its text."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import aiohttp

PAUSE_S = 0.05


@dataclass(slots=True)
class SteadyChat:
    """One message in one conversation, followed to its end through any number of connections.

    Attributes:
        text: What is shown now.
        resets: How often the answer began again.
        connections: How often it connected.
        ended: The frame that ended the turn.
    """

    session: aiohttp.ClientSession
    conversation_id: str
    message_id: str
    content: str
    turn: str = ""
    generation: int = 0
    text: str = ""
    resets: int = 0
    connections: int = 0
    ended: dict[str, Any] = field(default_factory=dict)
    streaming: asyncio.Event = field(default_factory=asyncio.Event)

    async def follow(self) -> dict[str, Any]:
        """Say it and stay until the turn has ended; returns the frame that ended it."""
        while not self.ended:
            try:
                async with self.session.ws_connect(f"/ws/chat/{self.conversation_id}") as socket:
                    await self._converse(socket)
            except (aiohttp.ClientError, OSError):
                pass
            if not self.ended:
                await asyncio.sleep(PAUSE_S)
        return self.ended

    async def _converse(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.connections += 1
        if self.turn:
            place = {"generation": self.generation, "offset": len(self.text)}
            await socket.send_json({"type": "resume", "turn": self.turn, **place})
        message = {"type": "message", "id": self.message_id, "content": self.content}
        await socket.send_json(message)
        async for received in socket:
            if received.type is aiohttp.WSMsgType.TEXT:
                self._read(received.json())
            if self.ended:
                return

    def _read(self, frame: dict[str, Any]) -> None:
        kind = frame["type"]
        if kind == "accepted" and frame["id"] == self.message_id:
            assert self.turn in ("", frame["turn"]), "the same id gave a second turn"
            self.turn = frame["turn"]
        elif kind == "error" and frame.get("turn", self.turn) == self.turn:
            if frame.get("turn") or not frame["retryable"]:
                self.ended = frame
        elif frame.get("turn") != self.turn:
            return
        elif kind == "reset":
            self.generation, self.text = frame["generation"], ""
            self.resets += 1
        elif kind == "delta":
            self._add(frame)
        elif kind == "done":
            self.ended = frame

    def _add(self, frame: dict[str, Any]) -> None:
        """The next piece joins what is there exactly: nothing is missing, nothing doubled."""
        if not self.generation:
            self.generation = frame["generation"]
        assert frame["generation"] == self.generation, "a generation began without a reset"
        assert frame["offset"] - len(frame["text"]) == len(self.text), frame
        self.text += frame["text"]
        self.streaming.set()
