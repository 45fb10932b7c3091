"""Conversations: lists and histories from their rows, everything else from their entities."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import func, select

from actors import names
from actors.arcana.messages import (
    CancelTurn,
    ConversationView,
    CreateConversation,
    DeleteConversation,
    GetTurnPending,
    PostMessage,
    StoredMessage,
    TurnDone,
    TurnFailed,
    TurnView,
)
from vareon_runtime.entity import Position
from vareon_runtime.errors import DeadlineExceeded, NotFound, Unavailable, from_code
from vareon_runtime.identity import IdSource, Principal, derived_id
from vareon_runtime.models import ChatMessageRow, ConversationRow
from vareon_runtime.routing.bus import MessageBus, Subscription
from web.services import policy
from web.services.accounts import Rows
from web.services.paging import AnySelect, Page

ANSWER_TIME_S = 130.0
SPAN_CHARACTERS = 512 * 1024
"""How much of a history is in memory at once for one request."""

_CONVERSATION = (
    ConversationRow.id,
    ConversationRow.user_id,
    ConversationRow.title,
    ConversationRow.created_at,
    ConversationRow.updated_at,
)
_MESSAGE = (
    ChatMessageRow.id,
    ChatMessageRow.conversation_id,
    ChatMessageRow.user_id,
    ChatMessageRow.sender,
    ChatMessageRow.message_content,
    ChatMessageRow.timestamp,
)


class Span(NamedTuple):
    """Neighbouring positions in a history."""

    first: int
    last: int


def spans(rows: Iterable[tuple[int, int]]) -> list[Span]:
    """Positions and lengths as spans of at most `SPAN_CHARACTERS`, or of one long message."""
    found: list[Span] = []
    held = 0
    for position, length in rows:
        if found and held + length <= SPAN_CHARACTERS:
            found[-1] = Span(found[-1].first, position)
            held += length
        else:
            found.append(Span(position, position))
            held = length
    return found


class Chat:
    """What a user can do with conversations."""

    def __init__(self, rows: Rows, bus: MessageBus, ids: IdSource) -> None:
        self._rows = rows
        self._bus = bus
        self._ids = ids

    def new_conversation_id(self) -> str:
        """An id for a conversation that begins."""
        return self._ids.text_id()

    async def post(
        self,
        principal: Principal,
        conversation_id: str,
        content: str,
        *,
        client_id: str | None = None,
        create: bool = False,
    ) -> TurnView:
        """Say something; returns once it is committed."""
        message_id = (
            derived_id("chat", principal.user_id, conversation_id, client_id)
            if client_id is not None
            else None
        )
        return await self._bus.ask(
            names.conversation(conversation_id),
            PostMessage(content=content, client_id=client_id, create=create),
            principal=principal,
            message_id=message_id,
        )

    async def pending(self, principal: Principal, conversation_id: str, turn: TurnView) -> bool:
        """Whether a turn is not over yet."""
        return await self._bus.ask(
            names.conversation(conversation_id),
            GetTurnPending(turn_id=turn.turn_id),
            principal=principal,
        )

    async def cancel(self, principal: Principal, conversation_id: str) -> bool:
        """Stop the answer that is streaming; false if none is."""
        return await self._bus.ask(
            names.conversation(conversation_id), CancelTurn(), principal=principal
        )

    def listen(
        self, principal: Principal, conversation_id: str, position: Position | None = None
    ) -> Subscription:
        """Everything that the conversation shows from here on."""
        return self._bus.subscribe(
            names.conversation(conversation_id), principal=principal, position=position
        )

    async def answer(self, principal: Principal, conversation_id: str, turn: TurnView) -> TurnDone:
        """Wait for a turn's end.

        Raises:
            VareonError: What the turn failed with, or `DeadlineExceeded` if it takes too long.
        """
        start = Position(stream=turn.turn_id, generation=0, offset=0)
        try:
            async with asyncio.timeout(ANSWER_TIME_S):
                async with self.listen(principal, conversation_id, start) as frames:
                    async for frame in frames:
                        if isinstance(frame, TurnDone) and frame.turn_id == turn.turn_id:
                            return frame
                        if isinstance(frame, TurnFailed) and frame.turn_id == turn.turn_id:
                            raise from_code(frame.code, frame.detail, frame.retry_after_s)
        except TimeoutError:
            raise DeadlineExceeded(
                "The answer takes longer than this request may; read it in the history later."
            ) from None
        raise Unavailable("The conversation ended before it answered.", 1.0)

    async def conversations(
        self, principal: Principal, page: Page
    ) -> tuple[list[ConversationView], str | None]:
        """The user's own conversations, the newest change first."""
        statement = select(*_CONVERSATION).where(ConversationRow.user_id == principal.user_id)
        rows = await self._rows.rows(
            page.of(statement, ConversationRow.updated_at, ConversationRow.id, newest_first=True)
        )
        kept, cursor = page.cut(rows, "updated_at")
        return [_conversation(row) for row in kept], cursor

    async def create(self, principal: Principal, title: str | None) -> ConversationView:
        """Open a conversation."""
        return await self._bus.ask(
            names.conversation(self._ids.text_id()),
            CreateConversation(title=title),
            principal=principal,
        )

    async def delete(self, principal: Principal, conversation_id: str) -> None:
        """End a conversation and everything said in it."""
        await self._bus.ask(
            names.conversation(conversation_id), DeleteConversation(), principal=principal
        )

    async def history(
        self, principal: Principal, conversation_id: str, page: Page
    ) -> tuple[list[Span], str | None]:
        """Where a page of what was said lies, the oldest first, in pieces that fit in memory.

        Raises:
            NotFound: If there is no such conversation of this user's.
        """
        statement = _owned(
            select(
                ChatMessageRow.id,
                ChatMessageRow.position,
                func.length(ChatMessageRow.message_content).label("length"),
            )
            .join(ConversationRow, ConversationRow.id == ChatMessageRow.conversation_id)
            .where(ChatMessageRow.conversation_id == conversation_id),
            principal,
        )
        rows = await self._rows.rows(page.of(statement, ChatMessageRow.position, ChatMessageRow.id))
        if not rows:
            await self._must_own(principal, conversation_id)
        kept, cursor = page.cut(rows, "position")
        return spans((row.position, row.length) for row in kept), cursor

    async def messages(self, conversation_id: str, span: Span) -> list[StoredMessage]:
        """One piece of a history, whose owner `history` has checked."""
        statement = (
            select(*_MESSAGE)
            .where(ChatMessageRow.conversation_id == conversation_id)
            .where(ChatMessageRow.position.between(span.first, span.last))
            .order_by(ChatMessageRow.position)
        )
        return [_message(row) for row in await self._rows.rows(statement)]

    async def owner(self, conversation_id: str) -> str | None:
        """Whose conversation it is; None while nobody has begun it."""
        statement = select(ConversationRow.user_id).where(ConversationRow.id == conversation_id)
        rows = await self._rows.rows(statement)
        return rows[0].user_id if rows else None

    async def _must_own(self, principal: Principal, conversation_id: str) -> None:
        statement = select(ConversationRow.id).where(ConversationRow.id == conversation_id)
        if not await self._rows.rows(_owned(statement, principal)):
            raise NotFound("Conversation not found")


def _owned(statement: AnySelect, principal: Principal) -> AnySelect:
    if policy.may(principal, policy.OTHERS_CHATS):
        return statement
    return statement.where(ConversationRow.user_id == principal.user_id)


def _conversation(row: Any) -> ConversationView:
    return ConversationView(
        id=row.id,
        user_id=row.user_id,
        title=row.title,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _message(row: Any) -> StoredMessage:
    return StoredMessage(
        id=row.id,
        conversation_id=row.conversation_id,
        user_id=row.user_id,
        sender=row.sender,
        message_content=row.message_content,
        timestamp=row.timestamp,
    )
