"""One turn over the chat WebSocket, shown as it arrives."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import aiohttp

from web.cli.instance import Target, unreachable

_MAX_FRAME_BYTES = 4 * 1024 * 1024
_SILENCE_S = 180.0
_RECONNECTS = 10
_PAUSE_S = 1.0
_PASSING = frozenset({429, 503})
_REFUSALS = {
    401: "the token is not accepted there",
    403: "this account may not do that",
    404: "no chat is served at this address (404)",
}


class _Shown:
    """What of the answer is on the terminal, in which turn, generation and place."""

    def __init__(self) -> None:
        self.turn: str | None = None
        self.generation = 0
        self.offset = 0
        self._column_open = False

    def delta(self, frame: dict[str, Any]) -> None:
        """The part of a piece that has not been shown; its offset is where the next begins."""
        if frame["generation"] != self.generation:
            self.generation, self.offset = frame["generation"], 0
        unseen = frame["offset"] - self.offset
        if unseen > 0:
            self.offset = frame["offset"]
            self._write(frame["text"][-unseen:])

    def reset(self, frame: dict[str, Any]) -> None:
        """What was shown does not count any more; a terminal cannot unsay it, so it says so."""
        self.generation, self.offset = frame["generation"], 0
        if self._column_open:
            self._write("\n[interrupted; the answer begins again]\n")

    def position(self) -> dict[str, Any]:
        """The frame that asks for the rest."""
        return {
            "type": "resume",
            "turn": self.turn,
            "generation": self.generation,
            "offset": self.offset,
        }

    def end(self) -> None:
        if self._column_open:
            self._write("\n")

    def _write(self, text: str) -> None:
        if text:
            self._column_open = not text.endswith("\n")
            sys.stdout.write(text)
            sys.stdout.flush()


async def converse(target: Target, conversation: str, message_id: str, text: str) -> str:
    """Say something and print the answer.

    A connection that is lost is made anew: the message goes out again under the same id, which
    is accepted once, and the answer continues where it stopped.

    Returns:
        Why it failed; empty when the whole answer has been shown.
    """
    shown = _Shown()
    failure = unreachable(target.url)
    headers = {"Authorization": f"Bearer {target.token}"}
    message = {"type": "message", "id": message_id, "content": text}
    async with aiohttp.ClientSession(headers=headers) as session:
        for attempt in range(_RECONNECTS):
            if attempt:
                await asyncio.sleep(_PAUSE_S)
            try:
                async with session.ws_connect(
                    f"{target.url}/ws/chat/{conversation}",
                    protocols=("vareon.v1",),
                    ssl=target.tls or True,
                    max_msg_size=_MAX_FRAME_BYTES,
                ) as socket:
                    outcome = await _turn(socket, message, shown, again=attempt > 0)
            except aiohttp.WSServerHandshakeError as error:
                if error.status not in _PASSING:
                    return _REFUSALS.get(error.status, f"refused with HTTP {error.status}")
                failure = "the system is busy or starting; try again in a moment"
            except (aiohttp.ClientError, OSError) as error:
                if attempt == 0 and isinstance(error, aiohttp.ClientConnectorError):
                    return failure
            else:
                if outcome is not None:
                    shown.end()
                    return outcome
                failure = "the connection was lost, and not regained"
    shown.end()
    return failure


async def _turn(
    socket: aiohttp.ClientWebSocketResponse, message: dict[str, Any], shown: _Shown, *, again: bool
) -> str | None:
    """Send and read until the turn has ended; ``None`` when the connection ended first."""
    if again and shown.turn is not None:
        await socket.send_json(shown.position())
    await socket.send_json(message)
    while True:
        try:
            received = await socket.receive(timeout=_SILENCE_S)
        except TimeoutError:
            return f"nothing came for {_SILENCE_S:.0f} s"
        if received.type is not aiohttp.WSMsgType.TEXT:
            return _why_closed(socket.close_code)
        frame = json.loads(received.data)
        if frame.get("type") == "accepted" and frame.get("id") == message["id"]:
            if again and shown.turn is None:  # it may have ended while nobody listened
                shown.turn = frame["turn"]
                await socket.send_json(shown.position())
            shown.turn = frame["turn"]
        else:
            outcome = _show(frame, message["id"], shown)
            if outcome is not None:
                return outcome


def _show(frame: dict[str, Any], message_id: str, shown: _Shown) -> str | None:
    """Act on one frame; a text when it ends the turn, empty if well."""
    kind, of_ours = frame.get("type"), frame.get("turn") == shown.turn
    if kind == "error" and (of_ours or frame.get("id") == message_id or "turn" not in frame):
        return f"{frame.get('detail')} ({frame.get('code')})"
    if not of_ours:
        return None
    if kind == "delta":
        shown.delta(frame)
    elif kind == "reset":
        shown.reset(frame)
    elif kind == "done":
        return ""
    return None


def _why_closed(code: int | None) -> str | None:
    if code == 4404:
        return "there is no such conversation, or it is not yours"
    if code in (1003, 1008, 1009):
        return f"the server closed the connection (code {code})"
    return None
