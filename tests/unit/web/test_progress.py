"""What a socket shows is complete and never doubled, whatever is subscribed to again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from actors.arcana.messages import StoredMessage, TurnAccepted, TurnDone, TurnFailed, TurnView
from vareon_runtime.entity import Delta, Reset
from web.schemas.chat import AcceptedFrame, DeltaFrame, DoneFrame, ErrorFrame, ResetFrame
from web.sockets.progress import REMEMBERED_TURNS, Progress

TURN = "turn-1"


def done(turn: str = TURN, generation: int = 1) -> TurnDone:
    message = StoredMessage(
        id="m",
        conversation_id="c",
        user_id="u",
        sender="llm",
        message_content="hello",
        timestamp=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return TurnDone(turn_id=turn, generation=generation, message=message, usage={}, route={})


def delta(generation: int, begins: int, text: str) -> Delta:
    return Delta(stream=TURN, generation=generation, offset=begins + len(text), text=text)


def client(frames: list[Any]) -> str:
    """What a client shows that only appends, and empties on a reset."""
    shown = ""
    for frame in frames:
        if isinstance(frame, ResetFrame):
            shown = ""
        elif isinstance(frame, DeltaFrame):
            assert frame.offset == len(shown) + len(frame.text)
            shown += frame.text
    return shown


@given(
    st.text(min_size=1, max_size=40),
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40)), max_size=12),
)
def test_replays_from_anywhere_show_the_text_once(
    text: str, replays: list[tuple[int, int]]
) -> None:
    """Wherever pieces begin: doubled ones are cut, and ones that leave a gap come again."""
    progress, frames = Progress("c"), []
    for begins, length in [*replays, (0, len(text))]:
        piece = text[begins : begins + length]
        if piece:
            frames += progress.told(delta(1, begins, piece))
    assert client(frames) == text


def test_a_new_generation_voids_the_old_one() -> None:
    """Also when its reset was missed, and late pieces of the old one are dropped."""
    progress = Progress("c")
    frames = progress.told(delta(1, 0, "wrong"))
    frames += progress.told(delta(2, 0, "ri"))
    frames += progress.told(Reset(stream=TURN, generation=2))
    frames += progress.told(delta(1, 5, "!"))
    frames += progress.told(delta(2, 2, "ght"))
    assert client(frames) == "right"
    assert sum(isinstance(frame, ResetFrame) for frame in frames) == 1


def test_a_client_continues_where_it_says_it_is() -> None:
    """Its own position counts, not what this socket was shown before."""
    progress = Progress("c")
    progress.told(delta(1, 0, "hello world"))
    progress.resume(TURN, 1, 5)
    assert progress.told(delta(1, 5, " world")) == [DeltaFrame(TURN, 1, 11, " world")]
    progress.resume(TURN, 0, 0)
    assert progress.told(delta(3, 0, "x")) == [DeltaFrame(TURN, 3, 1, "x")]


def test_ends_and_acceptances_are_shown_once() -> None:
    """A catch-up may tell them again."""
    progress = Progress("c")
    accepted = TurnAccepted(turn_id=TURN, message_id="m", client_id="mine")
    assert progress.told(accepted) == [AcceptedFrame("mine", TURN, "m", "c")]
    assert progress.told(accepted) == []
    assert progress.heard(TURN)
    view = TurnView(turn_id=TURN, message_id="m", client_id="mine")
    assert progress.accepted(view, known_before=()) == []
    assert progress.accepted(view, progress.known_turns()) == [
        AcceptedFrame("mine", TURN, "m", "c")
    ]
    assert isinstance(progress.told(done())[0], DoneFrame)
    assert progress.told(done()) == []
    assert progress.told(delta(1, 0, "late")) == []
    progress.resume(TURN, 1, 5)
    assert isinstance(progress.told(done())[0], DoneFrame)
    failed = TurnFailed(turn_id="turn-2", code="cancelled", detail="Stopped.", retryable=False)
    assert progress.told(failed) == [ErrorFrame("cancelled", "Stopped.", False, turn="turn-2")]
    assert progress.told(failed) == []


def test_it_remembers_a_bounded_number_of_turns() -> None:
    """The oldest are forgotten."""
    progress = Progress("c")
    for number in range(REMEMBERED_TURNS + 5):
        progress.told(done(f"turn-{number}"))
    assert not progress.heard("turn-0")
    assert progress.heard(f"turn-{REMEMBERED_TURNS}")
