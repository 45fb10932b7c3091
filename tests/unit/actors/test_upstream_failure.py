"""What users are told when a provider fails."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.cognisys.openai_body import read_piece
from actors.cognisys.upstream_failure import (
    LONGEST_WAIT_S,
    event_failure,
    message_in,
    quote,
    retry_after,
    status_failure,
)
from vareon_runtime.errors import (
    UpstreamError,
    UpstreamIncomplete,
    UpstreamInvalid,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnreachable,
)

SECRET = "sk-very-secret-0123456789"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (301, UpstreamRejected),
        (400, UpstreamRejected),
        (401, UpstreamRejected),
        (403, UpstreamRejected),
        (404, UpstreamRejected),
        (408, UpstreamTimeout),
        (422, UpstreamRejected),
        (429, UpstreamRateLimited),
        (500, UpstreamUnreachable),
        (503, UpstreamUnreachable),
        (504, UpstreamTimeout),
        (599, UpstreamUnreachable),
    ],
)
def test_every_status_has_its_type(status: int, expected: type[UpstreamError]) -> None:
    """And its sentence never holds the key."""
    error = status_failure(status, f"bad {SECRET}", SECRET)
    assert type(error) is expected
    assert SECRET not in error.detail
    assert error.detail.endswith(".")


@pytest.mark.parametrize(
    ("error", "began", "expected"),
    [
        ({"code": 429, "message": "slow"}, False, UpstreamRateLimited),
        ({"code": "429"}, True, UpstreamRateLimited),
        ({"type": "insufficient_quota"}, False, UpstreamRateLimited),
        ({"code": "invalid_api_key"}, False, UpstreamRejected),
        ({"code": "context_length_exceeded"}, True, UpstreamRejected),
        ({"type": "overloaded_error"}, True, UpstreamUnreachable),
        ({"code": 12345, "message": "odd"}, True, UpstreamIncomplete),
        ({"code": None}, False, UpstreamUnreachable),
        ("just words", True, UpstreamIncomplete),
        (["odd"], False, UpstreamUnreachable),
    ],
)
def test_errors_inside_a_stream(error: Any, began: bool, expected: type[UpstreamError]) -> None:
    """They are understood by status, code or type, else by when they came."""
    assert type(event_failure(error, began=began, secret="")) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"error": {"message": "m"}}', "m"),
        (b'{"error": "m"}', "m"),
        (b'{"message": "m"}', "m"),
        (b'{"detail": "m"}', "m"),
        (b'[{"error": {"message": "m"}}]', "m"),
        (b'{"error": {"message": {"deep": 1}}}', ""),
        (b"<html>", ""),
        (b"\xff", ""),
        (b"", ""),
    ],
)
def test_messages_in_every_shape(body: bytes, expected: str) -> None:
    """Whichever server it is."""
    assert message_in(body) == expected


def test_a_quote_is_short_and_clean() -> None:
    """One line, bounded, without keys, even such as only look like one."""
    assert quote("a\nb\x00c  d", "") == "a b c d"
    assert len(quote("x" * 10_000, "")) == 301
    assert quote(f"key {SECRET} and sk-abc***xyz", SECRET) == "key [key] and [key]"


def test_retry_after_in_both_forms() -> None:
    """Seconds or a date; never beyond an hour, never nonsense."""
    assert retry_after({"Retry-After": "7"}, 0.0) == 7.0
    assert retry_after({"Retry-After": formatdate(1_000_060, usegmt=True)}, 1_000_000.0) == 60.0
    assert retry_after({"Retry-After": formatdate(0, usegmt=True)}, 1_000_000.0) == 0.0
    assert retry_after({"Retry-After": "999999999"}, 0.0) == LONGEST_WAIT_S
    for odd in ("", "soon", "nan"):
        assert retry_after({"Retry-After": odd}, 0.0) is None


@given(st.text(max_size=200) | st.from_regex(r'\{"(choices|usage|error)": .{0,40}\}'))
def test_no_event_breaks_the_reader(data: str) -> None:
    """Whatever is sent, it is a piece or a typed error."""
    try:
        read_piece(data, began=False, secret="")
    except UpstreamError:
        return


@pytest.mark.parametrize(
    "data", ["[]", "1", '"x"', '{"choices": 1}', '{"choices": [{"delta": {"content": 5}}]}']
)
def test_json_of_another_kind_is_invalid(data: str) -> None:
    """It is no chat completion."""
    with pytest.raises(UpstreamInvalid):
        read_piece(data, began=False, secret="")
