"""What is said to an entity about a tick or an effect of its own that was set aside."""

from __future__ import annotations

import msgspec

from vareon_runtime.entity.publication import Encoded
from vareon_runtime.message import Message

REDRIVEN = "vareon.redriven"
"""No message type of an entity can have this name, so the engine takes it itself."""


class Redriven(Message, frozen=True):
    """Try it once more.

    Attributes:
        letter_id: The dead letter's.
        name: The effect or flow; else the method or the message that handles the tick.
        body: The tick's message, encoded; empty for a ``@reminder`` method.
        effect_id: The effect or flow, which keeps it; empty for a tick.
        call: What starts that again.
    """

    letter_id: bytes
    name: str
    body: bytes
    effect_id: bytes = b""
    call: bytes = b""


def redriven(message: Redriven, principal: bytes) -> Encoded:
    """It as it is sent, for the principal of what was set aside."""
    body = bytes((message.schema_version,)) + msgspec.msgpack.encode(message)
    return Encoded(REDRIVEN, body, principal)
