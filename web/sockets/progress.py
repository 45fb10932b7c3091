"""What one socket has been shown, so that nothing is shown twice after a new subscription."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container
from typing import TypeVar

from actors.arcana.messages import TurnAccepted, TurnDone, TurnFailed, TurnView
from vareon_runtime.entity import Delta, Event, Reset
from web.schemas.chat import (
    AcceptedFrame,
    DeltaFrame,
    DoneFrame,
    ErrorFrame,
    ResetFrame,
    ServerFrame,
)

REMEMBERED_TURNS = 64

V = TypeVar("V")


class Progress:
    """Turns the engine's frames into this socket's, each once and in order."""

    def __init__(self, conversation_id: str) -> None:
        self._conversation_id = conversation_id
        self._shown: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._accepted: OrderedDict[str, bool] = OrderedDict()
        """Turns whose acceptance was shown, in that order, and whether the conversation did it."""
        self._ended: OrderedDict[str, None] = OrderedDict()

    def resume(self, turn: str, generation: int, offset: int) -> None:
        """Take the client's word for what it has of a turn."""
        self._ended.pop(turn, None)
        # Generation 0 stands for whichever is running, which then needs no reset.
        _keep(self._shown, turn, (generation, offset if generation else 0))

    def heard(self, turn: str) -> bool:
        """Whether the conversation itself has shown anything of a turn to this socket."""
        return self._accepted.get(turn, False) or turn in self._shown or turn in self._ended

    def behind(self, turn: str) -> bool:
        """Whether a turn accepted earlier is still being shown: that one's end is told first."""
        for earlier in self._accepted:
            if earlier == turn:
                return False
            if earlier not in self._ended and self.heard(earlier):
                return True
        return False

    def known_turns(self) -> frozenset[str]:
        """The turns whose acceptance was shown."""
        return frozenset(self._accepted)

    def accepted(self, turn: TurnView, known_before: Container[str]) -> list[ServerFrame]:
        """What to say when a post is answered.

        Args:
            turn: The answer.
            known_before: `known_turns` from before the post: a turn in it was asked for again.
        """
        if turn.turn_id in self._accepted and turn.turn_id not in known_before:
            return []
        _keep(self._accepted, turn.turn_id, self._accepted.get(turn.turn_id, False))
        return [self._acceptance(turn.turn_id, turn.message_id, turn.client_id)]

    def told(self, frame: Delta | Reset | Event) -> list[ServerFrame]:
        """What to say of a frame; nothing if this socket knows it already."""
        match frame:
            case Delta():
                return self._delta(frame)
            case Reset(stream=turn, generation=generation):
                return self._reset(turn, generation)
            case TurnAccepted():
                known = frame.turn_id in self._accepted
                _keep(self._accepted, frame.turn_id, True)
                if known:
                    return []
                return [self._acceptance(frame.turn_id, frame.message_id, frame.client_id)]
            case TurnDone() if self._first_end(frame.turn_id):
                return [
                    DoneFrame(
                        frame.turn_id, frame.generation, frame.message, frame.usage, frame.route
                    )
                ]
            case TurnFailed() if self._first_end(frame.turn_id):
                return [
                    ErrorFrame(
                        frame.code,
                        frame.detail,
                        frame.retryable,
                        turn=frame.turn_id,
                        retry_after_s=frame.retry_after_s,
                    )
                ]
        return []

    def _delta(self, frame: Delta) -> list[ServerFrame]:
        turn, generation, text = frame.stream, frame.generation, frame.text
        seen_generation, seen = self._shown.get(turn, (0, 0))
        if generation < seen_generation or turn in self._ended:
            return []
        first: list[ServerFrame] = []
        if generation > seen_generation > 0:
            first, seen = self._reset(turn, generation), 0
        begins = frame.offset - len(text)
        # A piece that leaves a gap comes again from the subscription that fills it.
        if frame.offset <= seen or begins > seen:
            return first
        _keep(self._shown, turn, (generation, frame.offset))
        return [*first, DeltaFrame(turn, generation, frame.offset, text[seen - begins :])]

    def _reset(self, turn: str, generation: int) -> list[ServerFrame]:
        seen_generation, _ = self._shown.get(turn, (0, 0))
        if generation <= seen_generation or turn in self._ended:
            return []
        _keep(self._shown, turn, (generation, 0))
        return [ResetFrame(turn, generation)]

    def _acceptance(self, turn: str, message_id: str, client_id: str | None) -> AcceptedFrame:
        return AcceptedFrame(client_id, turn, message_id, self._conversation_id)

    def _first_end(self, turn: str) -> bool:
        known = turn in self._ended
        _keep(self._ended, turn, None)
        return not known


def _keep(kept: OrderedDict[str, V], key: str, value: V) -> None:
    kept[key] = value
    if len(kept) > REMEMBERED_TURNS:
        kept.popitem(last=False)
