"""The port through which answers are asked of a model, whoever runs it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from actors.cognisys.messages import ModelRoute
from vareon_runtime.errors import ConfigurationError


class Said(NamedTuple):
    """One message of a prompt; the role is ``system``, ``user`` or ``assistant``."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """The next piece of an answer, or what is known about it at its end."""

    text: str = ""
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long a provider may take, in seconds.

    Attributes:
        free_s: Until one of the connections to it is free; not the provider's fault.
        connect_s: Until the connection stands.
        first_token_s: Until the answer begins; reasoning models think before it.
        between_s: Between two pieces of it.
        total_s: For the whole answer.
    """

    free_s: float = 25.0
    connect_s: float = 5.0
    first_token_s: float = 30.0
    between_s: float = 15.0
    total_s: float = 120.0


class Completions:
    """Streams answers. Hosts are given `OpenAiWire`; tests give what they need."""

    def stream(
        self, route: ModelRoute, messages: Sequence[Said], traceparent: str = ""
    ) -> AsyncGenerator[Chunk, None]:
        """The answer to a prompt, piece by piece as it comes.

        It ends normally only if the provider said that the answer is whole. Closing the
        generator early gives the connection up. The provider is told the trace, if there is one.

        Raises:
            UpstreamError: If the provider failed.
        """
        raise ConfigurationError(f"No way to reach {route.provider_name} was set up.")
