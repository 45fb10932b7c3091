"""What is said to a topic: who wants to hear of it, and what is published."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from vareon_runtime.identity import EntityId
from vareon_runtime.message import Event, Message

TOPIC_KIND = "topic"


class SubscribeTo(Message, frozen=True):
    """Tell an entity, written ``kind/key``, of what is published from now on."""

    subscriber: str


class UnsubscribeFrom(Message, frozen=True):
    """Tell it no more."""

    subscriber: str


class Publish(Message, frozen=True):
    """A fact for every subscriber.

    Attributes:
        name: Its type's name.
        body: The fact, encoded with its schema version.
    """

    name: str
    body: bytes


class Encoded(NamedTuple):
    """A message as it travels: its type's name, and its encoded body.

    Attributes:
        principal: For whom it is sent, packed; None stands for whoever its turn is for.
    """

    name: str
    body: bytes
    principal: bytes | None = None


def topic_id(topic: type[Event] | str) -> EntityId:
    """The topic's address. Facts that are published without a topic go to that of their type."""
    return EntityId(TOPIC_KIND, topic if isinstance(topic, str) else topic.__name__)


def publication(event: Event) -> Publish:
    """A fact as a topic passes it on: encoded once, whatever the number of subscribers."""
    body = bytes((event.schema_version,)) + msgspec.msgpack.encode(event)
    return Publish(type(event).__name__, body)
