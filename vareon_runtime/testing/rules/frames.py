"""C13: what a reader is shown of a stream has no gap and nothing twice, and ends as it is kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from vareon_runtime.testing.history import Record
from vareon_runtime.testing.operation import Evidence, Violation


def broken(evidence: Evidence) -> Iterator[Violation]:
    """See the module."""
    readers: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for frame in evidence.notes.get("frame", ()):
        readers[frame.client, frame.op].append(frame)
    kept: dict[str, Any] = {}
    for _, streams in evidence.finals_of("told"):
        kept.update(streams)
    for (client, stream), frames in readers.items():
        for what in _shown(frames, kept.get(stream)):
            yield Violation("C13", frames[0].entity, stream, f"{client} {what}")
    for told in evidence.of_kind("tell"):
        if told.acknowledged and not {told.op, f"{told.op}+"} <= kept.keys():
            yield Violation("C13", told.entity, told.op, "the stream never came to its end")
        elif told.surely_not and told.op in kept:
            yield Violation("C13", told.entity, told.op, "it was refused and yet told")


def _shown(frames: Sequence[Record], kept: Any) -> Iterator[str]:
    generation, text = 0, ""
    for frame in frames:
        kind, of, offset, piece = frame.value
        if kind == "reset":
            if of == generation:
                yield f"had to begin generation {of} again"
            generation, text = of, ""
        elif kind == "delta":
            if generation and of != generation:
                yield f"saw generation {of} after {generation} without a reset"
            generation = of
            if offset - len(piece) != len(text):
                yield f"saw {offset - len(piece)} to {offset} when it stood at {len(text)}"
            text += piece
        elif kept is not None and [generation, text] != list(kept):
            yield f"saw {generation}: {text!r} to its end, but what is kept is {kept}"
