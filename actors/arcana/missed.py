"""What a reader is told of turns that began or ended while it was away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from actors.arcana.history import Exchange
from actors.arcana.messages import StoredMessage, TurnAccepted, TurnDone, TurnFailed
from actors.arcana.turns import FailedTurn
from vareon_runtime.entity import Delta, Event, Position, Reset
from vareon_runtime.errors import VareonError

PIECE = 16_384
"""Characters in one frame."""
MOST_TURNS = 50
MOST_PIECES = 80
"""Of text, in all the turns that a reader missed from beginning to end."""


def fitting(exchanges: Sequence[Exchange]) -> Sequence[Exchange]:
    """The oldest of them, as many as one reader is told at once."""
    pieces = 0
    for count, exchange in enumerate(exchanges[:MOST_TURNS]):
        pieces += 1 + len(exchange.answer or "") // PIECE
        if pieces > MOST_PIECES:
            return exchanges[:count]
    return exchanges[:MOST_TURNS]


def accepted_again(exchange: Exchange) -> TurnAccepted:
    """That a turn was accepted."""
    return TurnAccepted(exchange.turn_id, exchange.message_id, exchange.client_id)


def unanswered(turn_id: str) -> TurnFailed:
    """The end of a turn that failed so long ago that nobody knows why."""
    error = VareonError("This turn ended without an answer; send it again.")
    return FailedTurn.by(turn_id, error).event()


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
