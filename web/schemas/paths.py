"""What the parameters of paths must fit."""

from __future__ import annotations

from pydantic import Field

from web.schemas.base import StrictIn
from web.schemas.chat import UUID_PATTERN

KIND = r"^[a-z][a-z0-9_]{0,39}$"
MESSAGE_NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,79}$"


class UuidPath(StrictIn):
    """The id of one object."""

    id: str = Field(pattern=UUID_PATTERN, json_schema_extra={"format": "uuid"})


class ConversationPath(StrictIn):
    """The id of a conversation; one that there is not yet begins with its first message."""

    conversation_id: str = Field(pattern=UUID_PATTERN, json_schema_extra={"format": "uuid"})


class EntityQueryPath(StrictIn):
    """An entity of the user's own, and a query that it answers."""

    kind: str = Field(pattern=KIND)
    key: str = Field(min_length=1, max_length=160)
    message: str = Field(pattern=r"^Get[A-Za-z0-9_]{0,77}$")


class EntityPath(StrictIn):
    """An entity of the user's own, and a message that it takes."""

    kind: str = Field(pattern=KIND)
    key: str = Field(min_length=1, max_length=160)
    message: str = Field(pattern=MESSAGE_NAME)
