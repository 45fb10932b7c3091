"""What OpenAI-compatible servers are sent, and what they answer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from actors.cognisys.completion import Chunk, Said
from actors.cognisys.messages import ModelRoute
from actors.cognisys.upstream_failure import event_failure
from vareon_runtime.errors import UpstreamInvalid

OPTIONAL = ("stream_options", "temperature", "top_p", "max_tokens")
"""Fields that some models refuse; an answer without them beats none."""

_encode = msgspec.json.Encoder().encode


class _Said(msgspec.Struct):
    content: str | None = None
    reasoning: Any = None
    reasoning_content: Any = None


class _Choice(msgspec.Struct):
    delta: _Said | None = None
    message: _Said | None = None
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Body(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_Body).decode


class Piece(msgspec.Struct, frozen=True):
    """One event read.

    Attributes:
        chunk: What it adds to the answer.
        begun: Whether the model is at work: text or reasoning came.
    """

    chunk: Chunk
    begun: bool


def request_body(
    route: ModelRoute, messages: Sequence[Said], without: Collection[str] = ()
) -> bytes:
    """The body of a request for a streamed answer.

    Args:
        route: The model and its settings.
        messages: The prompt.
        without: Optional fields this model is known to refuse.
    """
    body: dict[str, Any] = {
        "model": route.model_name,
        "messages": [{"role": said.role, "content": said.content} for said in messages],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": route.temperature,
    }
    if route.top_p < 1.0:
        body["top_p"] = route.top_p
    if route.max_tokens is not None:
        body["max_tokens"] = route.max_tokens
    for name in without:
        body.pop(name, None)
    return _encode(body)


def read_piece(data: str | bytes, *, began: bool, secret: str) -> Piece:
    """What one event, or one plain JSON answer, says.

    Args:
        data: JSON text.
        began: Whether text has come before; it decides what an unnamed error means.
        secret: The key, so that no error quotes it.

    Raises:
        UpstreamError: If it is an error or not what the protocol allows.
    """
    try:
        body = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UpstreamInvalid(
            "The provider sent something that is not a chat completion; "
            "check that base_url is right and usually ends with /v1."
        ) from None
    if body.error:
        raise event_failure(body.error, began=began, secret=secret)
    usage = body.usage or _Usage()
    choice = body.choices[0] if body.choices else _Choice()
    said = choice.delta or choice.message or _Said()
    chunk = Chunk(
        said.content or "", choice.finish_reason, usage.prompt_tokens, usage.completion_tokens
    )
    return Piece(chunk, bool(said.content or said.reasoning or said.reasoning_content))
