"""What a reader is told of a turn that ended while it was away."""

from __future__ import annotations

from typing import Any

from actors.arcana.messages import StoredMessage, TurnDone
from vareon_runtime.entity import Delta, Event, Position, Reset

PIECE = 16_384
"""Characters in one frame."""


def rest_of_answer(
    conversation_id: str, position: Position, row: Any
) -> list[Delta | Reset | Event]:
    """The text after the reader's position, then the end, from the answer's row.

    A reader of another generation starts again from nothing. Generation 0 means that it has
    seen nothing yet.
    """
    text, generation = row.message_content, row.generation
    frames: list[Delta | Reset | Event] = []
    begin = 0
    if position.generation == generation:
        begin = position.offset
    elif position.generation:
        frames.append(Reset(position.stream, generation))
    for at in range(begin, len(text), PIECE):
        piece = text[at : at + PIECE]
        frames.append(Delta(position.stream, generation, at + len(piece), piece))
    frames.append(_done_again(conversation_id, position.stream, row))
    return frames


def usage_of(prompt_tokens: int | None, completion_tokens: int | None) -> dict[str, Any]:
    """Token counts as clients see them; empty where the provider did not say."""
    if prompt_tokens is None and completion_tokens is None:
        return {}
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": (prompt_tokens or 0) + (completion_tokens or 0),
    }


def _done_again(conversation_id: str, turn_id: str, row: Any) -> TurnDone:
    return TurnDone(
        turn_id=turn_id,
        generation=row.generation,
        message=StoredMessage(
            id=row.id,
            conversation_id=conversation_id,
            user_id=row.user_id,
            sender=row.sender,
            message_content=row.message_content,
            timestamp=row.timestamp,
        ),
        usage=usage_of(row.prompt_tokens, row.completion_tokens),
        route={"model": row.model_name},
    )
