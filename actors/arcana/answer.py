"""Asking a model for the answer of one turn."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import msgspec

from actors.cognisys.completion import Chunk, Completions, Said
from actors.cognisys.guide import Guide
from actors.cognisys.messages import ChooseModel, ModelRoute
from actors.names import GUIDE_MODEL, routing
from vareon_runtime.entity import EffectContext
from vareon_runtime.errors import UpstreamInvalid

MAX_ANSWER_BYTES = 1024 * 1024


class Answer(msgspec.Struct, frozen=True):
    """A whole answer, as the turn that stores it receives it."""

    turn_id: str
    generation: int
    text: str
    route: ModelRoute
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Draft:
    """An answer while it grows."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.bytes = 0
        self.finish_reason: str | None = None
        self.prompt_tokens: int | None = None
        self.completion_tokens: int | None = None

    def add(self, chunk: Chunk) -> None:
        if chunk.text:
            self.bytes += len(chunk.text.encode())
            if self.bytes > MAX_ANSWER_BYTES:
                raise UpstreamInvalid(
                    "The answer grew beyond 1 MiB and was stopped; ask for a shorter one."
                )
            self.parts.append(chunk.text)
        if chunk.finish_reason is not None:
            self.finish_reason = chunk.finish_reason
        if chunk.prompt_tokens is not None:
            self.prompt_tokens = chunk.prompt_tokens
        if chunk.completion_tokens is not None:
            self.completion_tokens = chunk.completion_tokens


async def compose(
    turn_id: str, user_id: str, prompt: Sequence[Said], context: EffectContext
) -> Answer:
    """Choose a model and stream its answer to the turn's readers.

    Raises:
        UpstreamError: If the provider failed; what was streamed is not an answer then.
    """
    route = await context.ask(routing(), ChooseModel(user_id=user_id))
    draft = _Draft()
    async with aclosing(_chunks(route, user_id, prompt, context)) as chunks:
        async for chunk in chunks:
            draft.add(chunk)
            if chunk.text:
                context.write(turn_id, chunk.text)
    if not draft.parts:
        raise UpstreamInvalid(
            f"{route.model_name} finished without any text; try again or choose another model."
        )
    return Answer(
        turn_id=turn_id,
        generation=context.attempt,
        text="".join(draft.parts),
        route=route,
        finish_reason=draft.finish_reason,
        prompt_tokens=draft.prompt_tokens,
        completion_tokens=draft.completion_tokens,
    )


def _chunks(
    route: ModelRoute, user_id: str, prompt: Sequence[Said], context: EffectContext
) -> AsyncGenerator[Chunk, None]:
    if route.model_name == GUIDE_MODEL and route.provider_id is None:
        guide = context.resource(Guide)
        return guide.stream(prompt[-1].content if prompt else "", user_id, context.read)
    return context.resource(Completions).stream(route, prompt, context.traceparent)
