"""What an entity shows: facts and streams, to readers that each go at their own pace.

A stream's text so far stays in memory until its end is committed, so a reader is a position, not
a queue: one that is slow, or was away, is given whatever lies between its position and the end.
Readers grant credit in bytes; without credit nothing is sent. Only facts queue, up to a bound.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vareon_runtime.codec import encode_frame
from vareon_runtime.errors import Overloaded, QuotaExceeded, VareonError
from vareon_runtime.hosting.delivery import Caller
from vareon_runtime.message import Delta, Event, Position, Reset

PIECE = 16_384
"""Characters sent in one frame when catching up."""
FACTS_LIMIT = 256
"""Facts and separate ranges that may wait for one reader."""
STREAM_LIMIT = 16 << 20
"""Characters of one generation of a stream; they are in memory until its end is committed."""


class StreamText:
    """One generation of a stream, as far as it has been written."""

    __slots__ = ("effect_id", "generation", "length", "name", "pieces")

    def __init__(self, name: str, generation: int, effect_id: bytes) -> None:
        self.name = name
        self.generation = generation
        self.effect_id = effect_id
        self.pieces: list[str] = []
        self.length = 0

    def append(self, text: str) -> None:
        """Write."""
        self.pieces.append(text)
        self.length += len(text)

    def between(self, start: int, end: int) -> str:
        """The characters of a range."""
        if len(self.pieces) > 1:
            if start >= self.length - len(self.pieces[-1]):
                before = self.length - len(self.pieces[-1])
                return self.pieces[-1][start - before : end - before]
            self.pieces[:] = ["".join(self.pieces)]
        return self.pieces[0][start:end] if self.pieces else ""


@dataclass(slots=True)
class _Range:
    text: StreamText
    start: int
    end: int


class Subscriber:
    """One reader."""

    def __init__(self, caller: Caller, credit: int) -> None:
        self.caller = caller
        self._credit = credit
        self._waiting: deque[_Range | Reset | Event | Delta] = deque()
        self.cut: VareonError | None = None

    def show(self, frame: Event | Reset | Delta) -> None:
        """Show a fact, after everything that was shown before."""
        if len(self._waiting) >= FACTS_LIMIT:
            self.cut = Overloaded("The reader is too slow; subscribe again.", 1.0)
            return
        self._waiting.append(frame)
        self._pump()

    def show_text(self, text: StreamText, start: int, end: int) -> None:
        """Show a range of a stream."""
        last = self._last_range(text)
        if last is not None and last.end == start:
            last.end = end
        else:
            self._waiting.append(_Range(text, start, end))
        self._pump()

    def _last_range(self, text: StreamText) -> _Range | None:
        """The range of this stream after the last fact: streams that alternate share no queue."""
        for waiting in reversed(self._waiting):
            if not isinstance(waiting, _Range):
                return None
            if waiting.text is text:
                return waiting
        return None

    def grant(self, credit: int) -> None:
        """The reader has room for so many bytes more."""
        self._credit += credit
        self._pump()

    def _pump(self) -> None:
        waiting = self._waiting
        while waiting and self._credit > 0:
            first = waiting[0]
            if not isinstance(first, _Range):
                waiting.popleft()
                self._send(first)
                continue
            end = min(first.end, first.start + PIECE)
            text = first.text
            piece = text.between(first.start, end)
            first.start = end
            if first.start >= first.end:
                waiting.popleft()
            if piece:
                self._send(Delta(text.name, text.generation, end, piece))

    def _send(self, frame: Event | Reset | Delta) -> None:
        payload = encode_frame(frame)
        self._credit -= len(payload)
        self.caller.frame(payload)


class Feed:
    """An entity's readers and its running streams."""

    def __init__(self, refuse: Callable[[Caller, VareonError], None]) -> None:
        self._refuse = refuse
        self.streams: dict[str, StreamText] = {}
        self.subscribers: list[Subscriber] = []

    @property
    def unused(self) -> bool:
        """Whether it can be forgotten."""
        return not self.streams and not self.subscribers

    def write(self, name: str, generation: int, effect_id: bytes, text: str) -> None:
        """Append to a stream; a generation other than the running one voids what was shown.

        Raises:
            QuotaExceeded: If it is too long to be kept until its end.
        """
        stream = self.streams.get(name)
        if stream is None or stream.generation != generation:
            stream = StreamText(name, generation, effect_id)
            self.streams[name] = stream
            if generation > 1:
                self.show(Reset(name, generation))
        start = stream.length
        if start + len(text) > STREAM_LIMIT:
            raise QuotaExceeded(f"A stream has at most {STREAM_LIMIT:,} characters; end it.")
        stream.append(text)
        for subscriber in self.subscribers:
            subscriber.show_text(stream, start, stream.length)
        self._drop_cut()

    def has_written(self, effect_id: bytes) -> bool:
        """Whether an effect has shown anything."""
        return any(stream.effect_id == effect_id for stream in self.streams.values())

    def show(self, frame: Event | Reset) -> None:
        """Show a fact to everybody."""
        for subscriber in self.subscribers:
            subscriber.show(frame)
        self._drop_cut()

    def end_streams(self, effect_id: bytes) -> None:
        """The streams of an effect are over: their end is committed."""
        for name in [n for n, s in self.streams.items() if s.effect_id == effect_id]:
            del self.streams[name]

    def join(self, subscriber: Subscriber, positions: Sequence[Position]) -> None:
        """Add a reader and show it what is running, from where it has got to in each stream."""
        self.subscribers.append(subscriber)
        reached = {position.stream: position for position in positions}
        for stream in self.streams.values():
            start = 0
            position = reached.get(stream.name)
            if position is not None and position.generation:
                if position.generation == stream.generation:
                    start = min(position.offset, stream.length)
                else:
                    subscriber.show(Reset(stream.name, stream.generation))
            if start < stream.length:
                subscriber.show_text(stream, start, stream.length)

    def leave(self, caller: Caller) -> None:
        """Forget a reader."""
        self.subscribers = [s for s in self.subscribers if s.caller != caller]

    def end(self, error: VareonError) -> None:
        """Send every reader away."""
        leaving, self.subscribers = self.subscribers, []
        for subscriber in leaving:
            self._refuse(subscriber.caller, error)

    def _drop_cut(self) -> None:
        cut = [s for s in self.subscribers if s.cut is not None]
        for subscriber in cut:
            self.subscribers.remove(subscriber)
            if subscriber.cut is not None:
                self._refuse(subscriber.caller, subscriber.cut)
