"""Streams: every reader sees all of it, once, at its own pace."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vareon_runtime import codec
from vareon_runtime.entity import Delta, Event, Position, Reset
from vareon_runtime.envelope import hops
from vareon_runtime.errors import Overloaded, VareonError
from vareon_runtime.hosting.delivery import Caller
from vareon_runtime.hosting.feed import FACTS_LIMIT, Feed, Subscriber
from vareon_runtime.routing.link import Link


class Happened(Event):
    number: int


class Reader:
    def __init__(self, feed: Feed, credit: int, position: Position | None = None) -> None:
        self.link = Link(wire=None)
        self.subscriber = Subscriber(Caller(self.link, 1), credit)
        feed.join(self.subscriber, (position,) if position else ())

    def frames(self) -> list[Delta | Reset | Event | None]:
        batch = b"".join(self.link.waiting)
        return [codec.decode_frame(batch[h.start : h.end]) for h in hops(batch)]

    def text(self, start: str = "") -> str:
        shown = start
        for frame in self.frames():
            if isinstance(frame, Reset):
                shown = ""
            elif isinstance(frame, Delta):
                shown += frame.text
                assert frame.offset == len(shown), "the offset is where the next piece begins"
        return shown


def new_feed() -> tuple[Feed, list[VareonError]]:
    refused: list[VareonError] = []
    return Feed(lambda caller, error: refused.append(error)), refused


@given(
    pieces=st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=25),
    joins=st.lists(st.tuples(st.integers(0, 24), st.integers(0, 200), st.booleans()), max_size=4),
    grants=st.lists(st.integers(1, 300), max_size=20),
)
def test_whoever_joins_whenever_with_whatever_credit_sees_it_all(pieces, joins, grants) -> None:
    feed, _ = new_feed()
    readers: list[tuple[Reader, str]] = []
    written = ""
    for number, piece in enumerate(pieces):
        for at, credit, resumes in joins:
            if at == number:
                known = written[: credit % (len(written) + 1)] if resumes and written else ""
                position = Position("s", 1, len(known)) if known else None
                readers.append((Reader(feed, credit, position), known))
        feed.write("s", 1, b"e", piece)
        written += piece
        for reader, _ in readers:
            if grants:
                reader.subscriber.grant(grants[number % len(grants)])
    feed.show(Happened(1))
    feed.end_streams(b"e")
    for reader, known in readers:
        reader.subscriber.grant(1_000_000)
        assert reader.text(known) == written
        assert reader.frames()[-1] == Happened(1), "a fact comes after what was shown before it"


def test_a_new_generation_voids_what_was_shown() -> None:
    feed, _ = new_feed()
    reader = Reader(feed, 10_000)
    feed.write("s", 1, b"e", "wrong")
    feed.write("s", 2, b"e", "right")
    assert reader.text() == "right"
    assert Reset("s", 2) in reader.frames()
    late = Reader(feed, 10_000, Position("s", 1, 3))
    assert late.frames() == [Reset("s", 2), Delta("s", 2, 5, "right")]


def test_without_credit_nothing_is_sent() -> None:
    feed, _ = new_feed()
    reader = Reader(feed, 0)
    feed.write("s", 1, b"e", "text")
    assert not reader.frames()


def test_a_reader_with_too_many_unread_facts_is_cut() -> None:
    feed, refused = new_feed()
    Reader(feed, 0)
    for number in range(FACTS_LIMIT + 1):
        feed.show(Happened(number))
    assert isinstance(refused[0], Overloaded)
    assert feed.unused


def test_leaving_and_ending() -> None:
    feed, refused = new_feed()
    reader = Reader(feed, 10)
    feed.leave(reader.subscriber.caller)
    assert feed.unused
    Reader(feed, 10)
    feed.end(Overloaded("Enough."))
    assert len(refused) == 1
    assert feed.unused
