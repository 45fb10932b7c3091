"""The parser of server-sent events."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.cognisys.event_stream import MAX_EVENT_BYTES, EventStream
from vareon_runtime.errors import UpstreamInvalid

LINE_ENDS = st.sampled_from(["\n", "\r\n", "\r"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def cut(whole: bytes, places: list[int]) -> list[bytes]:
    """The same bytes in pieces."""
    edges = [0, *sorted(place % (len(whole) + 1) for place in places), len(whole)]
    return [whole[start:end] for start, end in pairwise(edges)]


def read(pieces: list[bytes]) -> list[str]:
    stream = EventStream()
    found = [data for part in pieces for data in stream.feed(part)]
    return found + stream.finish()


@given(st.lists(TEXTS, max_size=8), LINE_ENDS, st.lists(st.integers(0, 10_000), max_size=30))
def test_any_cut_gives_the_same_events(texts: list[str], end: str, places: list[int]) -> None:
    """Where the bytes are cut changes nothing."""
    sent = [json.dumps({"text": text}, ensure_ascii=False) for text in texts]
    whole = "".join(f": note{end}event: piece{end}data: {one}{end}{end}" for one in sent)
    assert read(cut(whole.encode(), places)) == sent


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=10))
def test_no_bytes_break_it(noise: bytes, places: list[int]) -> None:
    """Noise gives events or the one typed error, whatever the cuts."""
    try:
        whole = read([noise])
    except UpstreamInvalid:
        with pytest.raises(UpstreamInvalid):
            read(cut(noise, places))
    else:
        assert read(cut(noise, places)) == whole


def test_lines_of_data_are_joined() -> None:
    """Several data lines make one event."""
    assert read([b"data: a\ndata: b\ndata\n\n"]) == ["a\nb\n"]


def test_the_last_event_needs_no_empty_line() -> None:
    """A server that forgets the last empty line is understood."""
    assert read([b"data: a\n\ndata: [DONE]"]) == ["a", "[DONE]"]


def test_a_byte_order_mark_is_dropped() -> None:
    """It is no part of the first field."""
    assert read([b"\xef\xbb\xbfdata: a\n\n"]) == ["a"]


def test_one_space_after_the_colon_is_dropped() -> None:
    """Only one."""
    assert read([b"data:  a\n\ndata:b\n\n"]) == [" a", "b"]


@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_an_event_beyond_the_bound_is_refused(ending: bytes) -> None:
    """Neither a long line nor many lines may fill the memory."""
    stream = EventStream()
    with pytest.raises(UpstreamInvalid):
        for _ in range(MAX_EVENT_BYTES // 1000 + 2):
            stream.feed(b"data: " + b"x" * 1000 + ending)
