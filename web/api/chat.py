"""Chat over plain HTTP."""

from __future__ import annotations

import asyncio

from aiohttp import web as aiohttp_web

from actors.arcana.messages import ConversationView, StoredMessage
from vareon_runtime.errors import NotFound, StillRunning
from web.api.answers import answer, encoded, link_next, page_answer, whole_or_cut
from web.api.chat_stream import stream_answer, wants_stream
from web.api.identifiers import uuid_in_path
from web.caller import caller_of
from web.client_address import is_secure
from web.compression import accepts_gzip, vary_by
from web.given import body_of, query_of
from web.headers import secure
from web.keyed import is_repeat
from web.routes import Route
from web.schemas.accounts import DoneOut
from web.schemas.chat import ChatIn, ChatOut, ConversationIn, ServerFrame
from web.schemas.paging import LongPageQuery, PageQuery
from web.schemas.paths import UuidPath
from web.services import policy
from web.services.chat import Chat
from web.services.paging import Page

HISTORY_TIME_S = 60.0


class ChatRoutes:
    """``/api/chat`` and what is below it."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    def routes(self) -> list[Route]:
        """What is served here."""
        conversations = "/api/chat/conversations"
        read, chat = policy.READ_CHAT, policy.CHAT
        return [
            Route(
                "POST",
                "/api/chat",
                chat,
                self.say,
                body=ChatIn,
                answer=ChatOut,
                events=ServerFrame,
                waits=True,
            ),
            Route(
                "GET",
                conversations,
                read,
                self.conversations,
                query=PageQuery,
                answer=list[ConversationView],
            ),
            Route(
                "POST",
                conversations,
                chat,
                self.create,
                body=ConversationIn,
                answer=ConversationView,
            ),
            Route(
                "DELETE",
                conversations + "/{id}",
                chat,
                self.delete,
                place=UuidPath,
                answer=DoneOut,
            ),
            Route(
                "GET",
                "/api/chat/history/{id}",
                read,
                self.history,
                query=LongPageQuery,
                place=UuidPath,
                answer=list[StoredMessage],
            ),
        ]

    async def say(self, request: aiohttp_web.Request) -> aiohttp_web.StreamResponse:
        """Say something and receive the answer, whole or as it comes."""
        body = body_of(request, ChatIn)
        principal = caller_of(request).principal
        known = body.conversation_id
        conversation_id = known.lower() if known else self._chat.new_conversation_id()
        try:
            turn = await self._chat.post(
                principal,
                conversation_id,
                body.message,
                create=known is None,
            )
        except NotFound as error:
            raise NotFound("Conversation not found") from error
        if wants_stream(request):
            return await stream_answer(request, self._chat, principal, conversation_id, turn)
        if is_repeat() and await self._chat.pending(principal, conversation_id, turn):
            raise StillRunning("The answer is still being written; ask again.", 1.0)
        done = await self._chat.answer(principal, conversation_id, turn)
        message = done.message
        return answer(ChatOut(message.message_content, conversation_id, message.id))

    async def conversations(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """The caller's conversations."""
        page = Page.asked(query_of(request, PageQuery))
        items, cursor = await self._chat.conversations(caller_of(request).principal, page)
        return page_answer(request, items, cursor)

    async def create(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Open a conversation."""
        body = body_of(request, ConversationIn)
        return answer(await self._chat.create(caller_of(request).principal, body.title))

    async def delete(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """End a conversation."""
        conversation_id = uuid_in_path(request)
        try:
            await self._chat.delete(caller_of(request).principal, conversation_id)
        except NotFound as error:
            raise NotFound("Conversation not found") from error
        return answer(DoneOut("Conversation deleted"))

    async def history(self, request: aiohttp_web.Request) -> aiohttp_web.StreamResponse:
        """What was said in a conversation, however much that is."""
        page = Page.asked(query_of(request, LongPageQuery), sorted_by=int)
        principal, conversation_id = caller_of(request).principal, uuid_in_path(request)
        spans, cursor = await self._chat.history(principal, conversation_id, page)
        if len(spans) <= 1:
            items = await self._chat.messages(conversation_id, spans[0]) if spans else []
            return page_answer(request, items, cursor)
        response = aiohttp_web.StreamResponse()
        response.content_type = "application/json"
        vary_by(response, "Accept-Encoding")
        if accepts_gzip(request):
            response.enable_compression(aiohttp_web.ContentCoding.gzip)
        secure(response.headers, by_tls=is_secure(request))
        link_next(request, response, cursor)
        await response.prepare(request)
        with whole_or_cut(request):
            async with asyncio.timeout(HISTORY_TIME_S):
                between = b"["
                for span in spans:
                    for message in await self._chat.messages(conversation_id, span):
                        await response.write(between + encoded(message))
                        between = b","
                await response.write(b"]")
                await response.write_eof()
        return response
