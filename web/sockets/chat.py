"""The chat socket: everybody on a conversation sees what is said in it, as it is said."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import WSMsgType
from aiohttp import web as aiohttp_web

from actors.arcana.messages import TurnDone, TurnFailed, TurnView
from vareon_runtime.entity import Position
from vareon_runtime.errors import (
    InvalidMessage,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    VareonError,
)
from web.api.answers import encoded
from web.api.chat_stream import error_frame
from web.api.identifiers import is_uuid
from web.caller import Caller, caller_of
from web.routes import Route
from web.schemas.chat import MessageFrame, ResumeFrame, ServerFrame
from web.schemas.paths import ConversationPath
from web.services import policy
from web.services.chat import Chat
from web.services.rights import Rights
from web.sockets.frames import ClientFrame, read_frame
from web.sockets.open_sockets import OpenSockets
from web.sockets.outgoing import Outgoing
from web.sockets.progress import Progress
from web.sockets.serving import (
    FORBIDDEN,
    MOST_STRIKES,
    NOT_THERE,
    POLICY_VIOLATION,
    SIGNED_OUT,
    UNSUPPORTED,
    ending,
    serve,
    texts,
)
from web.tracing import begin_trace

FIRST_FRAME_S = 0.2
MOST_FOLLOWED = 32
HEARD_WITHIN_S = 0.25
"""How soon the conversation shows a turn that was just accepted, by far."""


class ChatSockets:
    """``/ws/chat/{conversation_id}``."""

    def __init__(self, chat: Chat, sockets: OpenSockets, rights: Rights) -> None:
        self._chat = chat
        self._sockets = sockets
        self._rights = rights

    def routes(self) -> list[Route]:
        """What is served here."""
        path = "/ws/chat/{conversation_id}"
        return [
            Route("GET", path, policy.CHAT, self.serve, place=ConversationPath, long_lived=True)
        ]

    async def serve(self, request: aiohttp_web.Request) -> aiohttp_web.StreamResponse:
        """Upgrade, and stay until one side leaves."""
        caller = caller_of(request)
        conversation_id = request.match_info["conversation_id"].lower()

        def line_of(outgoing: Outgoing) -> ChatSocket:
            line = ChatSocket(self._chat, self._sockets, caller, conversation_id, outgoing)
            line.allowed = lambda: self._rights.check(caller, policy.CHAT)
            return line

        return await serve(request, self._sockets, line_of)


class ChatSocket:
    """One client on one conversation."""

    def __init__(
        self,
        chat: Chat,
        sockets: OpenSockets,
        caller: Caller,
        conversation_id: str,
        outgoing: Outgoing,
    ) -> None:
        self.user_id = caller.user_id
        self.grant = caller.grant
        self.conversation_id = conversation_id
        self._chat = chat
        self._sockets = sockets
        self._principal = caller.principal
        self._outgoing = outgoing
        self._progress = Progress(conversation_id)
        self._listening: asyncio.Task[None] | None = None
        self._following: list[asyncio.Task[None]] = []
        self._strikes = 0
        self.allowed: Callable[[], Awaitable[None]] = _always
        """Raises if the client may not speak, or not any more; asked before each frame."""

    async def talk(self, socket: aiohttp_web.WebSocketResponse) -> None:
        """Read and write until one side leaves, if the conversation is the client's to see."""
        known = is_uuid(self.conversation_id)
        owner = await self._chat.owner(self.conversation_id) if known else None
        mine = owner in (None, self.user_id) or policy.may(self._principal, policy.OTHERS_CHATS)
        if not (known and mine):
            await socket.close(code=NOT_THERE, message=b"Conversation not found")
            return
        async with self._outgoing.writing():
            if owner is not None:
                await self._begin(socket)
            await self._read(socket)

    async def leave(self) -> None:
        """Listen no more."""
        tasks = [*self._following, *filter(None, [self._listening])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def end(self, code: int, reason: str) -> None:
        """Close once what waits is written."""
        self._outgoing.end(code, reason)

    def _listen(self, position: Position | None) -> None:
        self._listening = asyncio.get_running_loop().create_task(self._show(position))

    def _follow(self, position: Position, patience_s: float = 0.0) -> None:
        """Show one turn to its end beside what is shown anyway; `Progress` merges the two."""
        following = asyncio.get_running_loop().create_task(self._catch_up(position, patience_s))
        self._following.append(following)
        following.add_done_callback(self._following.remove)
        if len(self._following) > MOST_FOLLOWED:
            self._following[0].cancel()

    async def _begin(self, socket: aiohttp_web.WebSocketResponse) -> None:
        """Listen, at the client's own position if its first frame comes at once and names one."""
        first: aiohttp_web.WSMessage | None = None  # type: ignore[name-defined]
        try:
            first = await socket.receive(timeout=FIRST_FRAME_S)
        except TimeoutError:
            first = None
        frame = self._frame(first.data) if first and first.type is WSMsgType.TEXT else None
        if isinstance(frame, ResumeFrame):
            await self._obey(frame)
            return
        if self._listening is None:
            self._listen(None)
        if frame is not None:
            await self._obey(frame)
        elif first is not None and first.type is WSMsgType.BINARY:
            self.end(UNSUPPORTED, "Text frames only.")

    async def _read(self, socket: aiohttp_web.WebSocketResponse) -> None:
        async for text in texts(socket, self.end):
            frame = self._frame(text)
            if frame is not None:
                await self._obey(frame)

    def _frame(self, text: str) -> ClientFrame | None:
        try:
            frame = read_frame(text)
        except InvalidMessage as error:
            self._put([error_frame(error)])
            self._strikes += 1
            if self._strikes >= MOST_STRIKES:
                self.end(POLICY_VIOLATION, "Too many invalid frames.")
            return None
        self._strikes = 0
        return frame

    async def _obey(self, frame: ClientFrame) -> None:
        client_id = frame.id if isinstance(frame, MessageFrame) else None
        begin_trace()
        try:
            await self.allowed()
        except NotAuthenticated:
            self.end(SIGNED_OUT, "Signed out.")
            return
        except NotPermitted:
            self.end(FORBIDDEN, "Not enough permissions")
            return
        try:
            if isinstance(frame, MessageFrame):
                await self._post(frame)
            elif isinstance(frame, ResumeFrame):
                await self._resume(frame)
            else:
                await self._chat.cancel(self._principal, self.conversation_id)
        except VareonError as error:
            self._put([error_frame(error, client_id=client_id)])

    async def _post(self, frame: MessageFrame) -> None:
        known = self._progress.known_turns()
        turn = await self._chat.post(
            self._principal, self.conversation_id, frame.content, client_id=frame.id, create=True
        )
        self._put(self._progress.accepted(turn, known))
        if self._listening is None:
            self.begin_with(turn)
            for other in self._sockets.neighbours(self):
                if isinstance(other, ChatSocket):
                    other.begin_with(turn)
        else:
            self._follow(_start_of(turn.turn_id), HEARD_WITHIN_S)

    def begin_with(self, turn: TurnView) -> None:
        """The conversation begins, here or on a neighbour, with this turn."""
        if self._listening is None:
            self._put(self._progress.accepted(turn, ()))
            self._listen(_start_of(turn.turn_id))

    async def _resume(self, frame: ResumeFrame) -> None:
        if self._listening is None and await self._chat.owner(self.conversation_id) is None:
            raise NotFound("Conversation not found")
        self._progress.resume(frame.turn, frame.generation, frame.offset)
        position = Position(stream=frame.turn, generation=frame.generation, offset=frame.offset)
        if self._listening is None:
            self._listen(position)
        else:
            self._follow(position)

    async def _show(self, position: Position | None) -> None:
        with ending(self, lambda error: self._put([error_frame(error)]), "Conversation"):
            async with self._chat.listen(self._principal, self.conversation_id, position) as frames:
                async for frame in frames:
                    self._put(self._progress.told(frame))
            self.end(NOT_THERE, "The conversation has ended.")

    async def _catch_up(self, position: Position, patience_s: float) -> None:
        """What a turn has shown already, then the rest of it.

        A turn that was just accepted is shown by the conversation itself. Only one that was
        accepted earlier, because its message was sent again, or while the conversation could
        not be heard, has to be fetched; never before the end of the one that it follows.
        """
        turn = position.stream
        fetch = not patience_s
        while not fetch:
            await asyncio.sleep(patience_s)
            if self._progress.heard(turn):
                return
            fetch = not self._progress.behind(turn)
        try:
            async with self._chat.listen(self._principal, self.conversation_id, position) as frames:
                async for frame in frames:
                    self._put(self._progress.told(frame))
                    if isinstance(frame, TurnDone | TurnFailed) and frame.turn_id == turn:
                        return
        except VareonError as error:
            self._put([error_frame(error, turn=turn)])

    def _put(self, frames: list[ServerFrame]) -> None:
        for frame in frames:
            self._outgoing.put(encoded(frame))


async def _always() -> None:
    return


def _start_of(turn: str) -> Position:
    return Position(stream=turn, generation=0, offset=0)
