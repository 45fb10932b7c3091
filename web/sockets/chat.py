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
    Overloaded,
    VareonError,
)
from vareon_runtime.identity import Principal
from vareon_runtime.telemetry import failure
from web.api.answers import encoded
from web.api.chat_stream import error_frame
from web.api.identifiers import is_uuid
from web.caller import Caller, caller_of
from web.credentials import SOCKET_PROTOCOL
from web.refusals import NoHandshake
from web.routes import Route
from web.schemas.chat import MessageFrame, ResumeFrame, ServerFrame
from web.schemas.paths import ConversationPath
from web.services import policy
from web.services.chat import Chat
from web.services.rights import Rights
from web.sockets.frames import ClientFrame, read_frame
from web.sockets.open_sockets import OpenSockets
from web.sockets.outgoing import TRY_AGAIN_LATER, Outgoing
from web.sockets.progress import Progress
from web.tracing import begin_trace

HEARTBEAT_S = 30.0
LARGEST_FRAME = 1024 * 1024
WRITE_AHEAD = 64 * 1024
"""Bytes written before the writer looks whether the connection takes them; a connection that does
not holds at most as much again, and one frame."""
FIRST_FRAME_S = 0.2
MOST_STRIKES = 20
MOST_FOLLOWED = 32
HEARD_WITHIN_S = 0.25
"""How soon the conversation shows a turn that was just accepted, by far."""

UNSUPPORTED = 1003
POLICY_VIOLATION = 1008
INTERNAL_ERROR = 1011
SIGNED_OUT = 4401
FORBIDDEN = 4403
UNKNOWN_CONVERSATION = 4404


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
        principal = caller.principal
        self._sockets.admit(principal.user_id)
        try:
            socket = aiohttp_web.WebSocketResponse(
                heartbeat=HEARTBEAT_S,
                timeout=3.0,
                max_msg_size=LARGEST_FRAME,
                writer_limit=WRITE_AHEAD,
                compress=False,
                protocols=(SOCKET_PROTOCOL,),
            )
            if not socket.can_prepare(request).ok:
                raise NoHandshake("A WebSocket handshake is expected here.")
            await socket.prepare(request)
            conversation_id = request.match_info["conversation_id"].lower()
            abort = request.transport.abort if request.transport else lambda: None
            outgoing = Outgoing(socket, abort)
            line = ChatSocket(self._chat, self._sockets, caller, conversation_id, outgoing)
            line.allowed = lambda: self._rights.check(caller, policy.CHAT)
            # Known to its neighbours before the look-up: a conversation that one of them begins
            # meanwhile is either found or told.
            self._sockets.add(line)
            try:
                await self._talk(line, socket, principal)
            except Exception as error:  # noqa: BLE001  # after the upgrade no HTTP answer may follow
                failure("socket_broke", error, conversation_id=conversation_id)
                await socket.close(code=INTERNAL_ERROR, message=b"Reconnect and resume.")
            finally:
                self._sockets.remove(line)
                await line.leave()
            return socket
        finally:
            self._sockets.release(principal.user_id)

    async def _talk(
        self, line: ChatSocket, socket: aiohttp_web.WebSocketResponse, principal: Principal
    ) -> None:
        known = is_uuid(line.conversation_id)
        owner = await self._chat.owner(line.conversation_id) if known else None
        mine = owner in (None, principal.user_id) or policy.may(principal, policy.OTHERS_CHATS)
        if known and mine:
            await line.run(socket, begun=owner is not None)
        else:
            await socket.close(code=UNKNOWN_CONVERSATION, message=b"Conversation not found")


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

    async def run(self, socket: aiohttp_web.WebSocketResponse, *, begun: bool) -> None:
        """Read and write until one side leaves.

        Args:
            socket: The open socket.
            begun: Whether the conversation exists already.
        """
        writing = asyncio.get_running_loop().create_task(self._outgoing.run())
        try:
            if begun:
                await self._begin(socket)
            await self._read(socket)
        finally:
            # The writer may be closing the socket, which has a time limit of its own.
            self._outgoing.end(1000, "")
            await writing

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
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                self.end(UNSUPPORTED, "Text frames only.")
            elif message.type is WSMsgType.TEXT:
                frame = self._frame(message.data)
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
        try:
            async with self._chat.listen(self._principal, self.conversation_id, position) as frames:
                async for frame in frames:
                    self._put(self._progress.told(frame))
            self.end(UNKNOWN_CONVERSATION, "The conversation has ended.")
        except NotFound:
            self.end(UNKNOWN_CONVERSATION, "Conversation not found")
        except NotPermitted:
            self.end(FORBIDDEN, "Not enough permissions")
        except Overloaded:
            self.end(TRY_AGAIN_LATER, "Too slow; reconnect and resume.")
        except VareonError as error:
            self._put([error_frame(error)])
            self.end(INTERNAL_ERROR, "The stream broke; reconnect and resume.")
        except Exception as error:  # noqa: BLE001  # a broken stream must not leave a silent socket
            failure("stream_broke", error, conversation_id=self.conversation_id)
            self.end(INTERNAL_ERROR, "The stream broke; reconnect and resume.")

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
