"""Base types of what entities remember and what they say to each other."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar, Generic, TypeVar, get_args, get_origin

import msgspec

R = TypeVar("R")

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
"""Turns the fields of one schema version into those of the next."""


class State(msgspec.Struct):
    """What an entity remembers. Fields must not grow with history; rows do that.

    It outlives the code that wrote it: raise ``schema_version`` when the fields change and add
    the step from the version before to ``upgrades``; recorded bytes are read through the steps.
    """

    schema_version: ClassVar[int] = 1
    upgrades: ClassVar[dict[int, Upgrade]] = {}


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Anything sent. The class name is its name on the wire, so it is unique in the system.

    Messages wait in tables and queues: they carry a version as `State` does.
    """

    schema_version: ClassVar[int] = 1
    upgrades: ClassVar[dict[int, Upgrade]] = {}


class Request(Message, Generic[R], frozen=True, forbid_unknown_fields=True):
    """A message that is answered with an ``R``."""


class Event(Message, frozen=True, forbid_unknown_fields=True):
    """A fact, in the past tense, shown to whoever subscribed to the entity."""

    def opens(self) -> str | None:
        """The stream that begins with this fact, so that a reader can ask for it again."""
        return None

    def ends(self) -> str | None:
        """The stream that is over with this fact."""
        return None

    def reaches(self) -> Position | None:
        """Where its reader stands afterwards, in a stream that is made of facts alone."""
        return None


class Position(Message, frozen=True, forbid_unknown_fields=True):
    """How far a reader has got in a stream.

    Attributes:
        stream: The stream's name, such as a turn's id.
        generation: Which try at it; a new generation starts again from nothing.
        offset: Where the reader's next character begins.
    """

    stream: str
    generation: int
    offset: int


class Delta(Message, frozen=True, forbid_unknown_fields=True):
    """The next piece of a stream; ``offset`` is where the piece after this one begins."""

    stream: str
    generation: int
    offset: int
    text: str


class Reset(Message, frozen=True, forbid_unknown_fields=True):
    """What was streamed before is void: a new generation begins."""

    stream: str
    generation: int


@cache
def reply_type(request: type[Message]) -> Any:
    """The ``R`` of a ``Request[R]`` subclass, or None for a message without a declared reply."""
    for klass in request.__mro__:
        for base in klass.__dict__.get("__orig_bases__", ()):
            if get_origin(base) is Request:
                return get_args(base)[0]
    return None
