"""Bodies of chat, over HTTP and over sockets."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field

from actors.arcana.messages import StoredMessage
from web.schemas.base import NoneIfBlank, StrictIn

LONGEST_MESSAGE = 100_000
LONGEST_CLIENT_ID = 128
UUID_PATTERN = r"^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$"


class ChatIn(StrictIn):
    """Something said over HTTP."""

    message: str = Field(min_length=1, max_length=LONGEST_MESSAGE)
    conversation_id: Annotated[str | None, NoneIfBlank] = Field(default=None, pattern=UUID_PATTERN)


class ConversationIn(StrictIn):
    """A new conversation."""

    title: Annotated[str | None, NoneIfBlank] = Field(default=None, max_length=200)


class ChatOut(msgspec.Struct, frozen=True):
    """A whole answer."""

    response: str
    conversation_id: str
    message_id: str


class MessageFrame(StrictIn):
    """Something said over a socket."""

    type: Literal["message"]
    content: str = Field(min_length=1, max_length=LONGEST_MESSAGE)
    id: str | None = Field(default=None, min_length=1, max_length=LONGEST_CLIENT_ID)


class CancelFrame(StrictIn):
    """Stop the answer that is streaming."""

    type: Literal["cancel"]


class ResumeFrame(StrictIn):
    """Continue a stream where this client's copy of it ends."""

    type: Literal["resume"]
    turn: str = Field(min_length=1, max_length=64)
    generation: int = Field(ge=0, le=2**31, strict=True)
    offset: int = Field(ge=0, le=2**31, strict=True)


class AcceptedFrame(msgspec.Struct, frozen=True, tag_field="type", tag="accepted"):
    """What was said is committed."""

    id: str | None
    turn: str
    message_id: str
    conversation_id: str


class DeltaFrame(msgspec.Struct, frozen=True, tag_field="type", tag="delta"):
    """The next piece of an answer; ``offset`` is where the one after it begins."""

    turn: str
    generation: int
    offset: int
    text: str


class ResetFrame(msgspec.Struct, frozen=True, tag_field="type", tag="reset"):
    """What was shown of this turn is void."""

    turn: str
    generation: int


class DoneFrame(msgspec.Struct, frozen=True, tag_field="type", tag="done"):
    """The answer is committed."""

    turn: str
    generation: int
    message: StoredMessage
    usage: dict[str, Any]
    route: dict[str, Any]


class ErrorFrame(msgspec.Struct, frozen=True, tag_field="type", tag="error", omit_defaults=True):
    """Something did not work."""

    code: str
    detail: str
    retryable: bool
    turn: str | None = None
    id: str | None = None
    retry_after_s: float | None = None


ServerFrame = AcceptedFrame | DeltaFrame | ResetFrame | DoneFrame | ErrorFrame
