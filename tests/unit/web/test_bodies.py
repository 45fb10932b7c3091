"""Bodies: malformed is 400, wrong is 422 with one entry for each mistake."""

from __future__ import annotations

import pytest

from vareon_runtime.errors import InvalidMessage
from web.bodies import parse
from web.refusals import Malformed
from web.schemas.chat import ChatIn
from web.schemas.cognisys import ModelIn, ProviderChange


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"\xff\xfe",
        b'{"message": "\xff"}',
        b'{"message": "\\ud800"}',
        b'{"message": NaN}',
        b"[" * 100_000,
        b'{"message":' * 5_000,
        b'{"message": "a", "message": "b"}',
        b'{"message": "a"} trailing',
    ],
)
def test_what_is_not_json_is_malformed(body: bytes) -> None:
    """Including depth, broken text and keys given twice."""
    with pytest.raises(Malformed):
        parse(body, ChatIn)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"{}", "message"),
        (b'{"message": 7}', "message"),
        (b'{"message": ""}', "message"),
        (b'{"message": null}', "message"),
        (b'{"message": "x", "extra": 1}', "extra"),
        (b'{"message": "x", "conversation_id": "nonsense"}', "conversation_id"),
        (b'{"message": "' + b"x" * 100_001 + b'"}', "message"),
    ],
)
def test_what_does_not_fit_names_its_place(body: bytes, place: str) -> None:
    """One readable sentence, and where it is wrong."""
    with pytest.raises(InvalidMessage) as caught:
        parse(body, ChatIn)
    assert place in caught.value.detail
    assert caught.value.errors[0]["loc"] == ["body", place]
    assert "x" * 100 not in caught.value.detail


@pytest.mark.parametrize("body", [b"[]", b"3", b'"text"', b"null"])
def test_what_is_no_object_is_invalid(body: bytes) -> None:
    """A list or a number is JSON, but not a body."""
    with pytest.raises(InvalidMessage):
        parse(body, ChatIn)


def test_forms_send_blanks_and_more_than_was_asked() -> None:
    """Blank numbers are none, and unknown fields are ignored where the client sends them."""
    model = parse(
        b'{"provider_id":"p","model_name":"m","max_tokens":"","cost_per_token":"","role":"",'
        b'"provider":{"id":"p"}}',
        ModelIn,
    )
    assert (model.max_tokens, model.cost_per_token, model.role) == (None, None, None)
    change = parse(b'{"id":"p","api_key":"","enabled":false,"masked_api_key":"*"}', ProviderChange)
    assert (change.api_key, change.enabled) == (None, False)
