"""A long history is read in pieces that fit in memory."""

from __future__ import annotations

from web.services.chat import SPAN_CHARACTERS, Span, spans


def test_short_messages_share_a_span_and_long_ones_do_not() -> None:
    """Every position is in exactly one span, in order."""
    assert spans([]) == []
    assert spans([(position, 10) for position in range(100)]) == [Span(0, 99)]
    half = SPAN_CHARACTERS // 2
    assert spans([(0, half), (1, half), (2, 1), (5, SPAN_CHARACTERS * 3), (6, 1)]) == [
        Span(0, 1),
        Span(2, 2),
        Span(5, 5),
        Span(6, 6),
    ]
