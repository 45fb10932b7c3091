"""What clients may say over a chat socket."""

from __future__ import annotations

import orjson

from vareon_runtime.errors import InvalidMessage
from web.bodies import fitted
from web.schemas.chat import CancelFrame, MessageFrame, ResumeFrame

ClientFrame = MessageFrame | CancelFrame | ResumeFrame

_SHAPES: dict[str, type[MessageFrame] | type[CancelFrame] | type[ResumeFrame]] = {
    "message": MessageFrame,
    "cancel": CancelFrame,
    "resume": ResumeFrame,
}


def read_frame(text: str) -> ClientFrame:
    """A frame of text as what it says.

    Raises:
        InvalidMessage: If it says nothing we know.
    """
    try:
        found = orjson.loads(text)
    except ValueError as error:
        raise InvalidMessage("The frame is not valid JSON.") from error
    kind = found.get("type") if isinstance(found, dict) else None
    shape = _SHAPES.get(kind) if isinstance(kind, str) else None
    if shape is None:
        raise InvalidMessage("'type' must be message, cancel or resume.")
    return fitted(found, shape)
