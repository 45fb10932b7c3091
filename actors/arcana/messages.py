"""The language of conversations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from vareon_runtime.entity import Event, Message, Request


class ConversationView(Message, frozen=True):
    """A conversation as lists show it."""

    id: str
    user_id: str
    title: str | None
    created_at: datetime
    updated_at: datetime


class TurnView(Message, frozen=True):
    """An accepted turn: what was said is committed, the answer is on its way or done."""

    turn_id: str
    message_id: str
    client_id: str | None = None
    repeated: bool = False


class StoredMessage(Message, frozen=True):
    """A chat message as it stands in the history."""

    id: str
    conversation_id: str
    user_id: str
    sender: str
    message_content: str
    timestamp: datetime


class CreateConversation(Request[ConversationView], frozen=True):
    """Open a conversation for the principal."""

    title: str | None = None


class DeleteConversation(Request[bool], frozen=True):
    """End a conversation and everything said in it."""


class PostMessage(Request[TurnView], frozen=True):
    """Say something. The first message may open the conversation.

    Attributes:
        content: 1 to 100,000 characters.
        client_id: The client's own id for it; the same one again returns the first turn.
        create: Whether the conversation may be new; its title is then the first 50 characters.
    """

    content: str
    client_id: str | None = None
    create: bool = False


class GetTurnPending(Request[bool], frozen=True):
    """Whether a turn still waits for its answer or its answer is streaming."""

    turn_id: str


class CancelTurn(Request[bool], frozen=True):
    """Stop the answer that is streaming; false if none is."""


class TurnAccepted(Event, frozen=True):
    """A turn was committed."""

    turn_id: str
    message_id: str
    client_id: str | None

    def opens(self) -> str:
        """The turn's stream."""
        return self.turn_id


class TurnDone(Event, frozen=True):
    """The answer is committed; `message` is what the history holds."""

    turn_id: str
    generation: int
    message: StoredMessage
    usage: dict[str, Any]
    route: dict[str, Any]

    def ends(self) -> str:
        """The turn's stream."""
        return self.turn_id


class TurnFailed(Event, frozen=True):
    """The turn ended without an answer."""

    turn_id: str
    code: str
    detail: str
    retryable: bool
    retry_after_s: float | None = None

    def ends(self) -> str:
        """The turn's stream."""
        return self.turn_id
