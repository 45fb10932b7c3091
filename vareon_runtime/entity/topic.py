"""The engine's own kind: passes facts on to the entities that subscribed to them."""

from __future__ import annotations

from vareon_runtime.entity.base import Entity
from vareon_runtime.entity.context import Context
from vareon_runtime.entity.handlers import command, entity
from vareon_runtime.entity.publication import (
    TOPIC_KIND,
    Encoded,
    Publish,
    SubscribeTo,
    UnsubscribeFrom,
)
from vareon_runtime.errors import Conflict, NotPermitted
from vareon_runtime.identity import EntityId
from vareon_runtime.message import Message, State

SUBSCRIBERS_LIMIT = 1_000
"""One publication is one turn, which sends so many messages at most."""


class TopicState(State):
    """Who is told, written ``kind/key``, in order."""

    subscribers: tuple[str, ...] = ()


@entity(TOPIC_KIND)
class Topic(Entity[TopicState]):
    """Its key is the name of the topic. Only entities speak to it, by `Context.publish`."""

    def permit(self, message: Message | None, context: Context) -> None:
        """Entities only, each for itself."""
        if context.sender is None:
            raise NotPermitted("Topics take messages of entities only.")

    @command(creates=True)
    async def add(self, message: SubscribeTo, context: Context) -> None:
        """Subscribe an entity; once more changes nothing."""
        known = set(self.state.subscribers)
        if message.subscriber not in known and len(known) >= SUBSCRIBERS_LIMIT:
            raise Conflict(
                f"Topic {self.key} has {SUBSCRIBERS_LIMIT} subscribers, the most it may have; "
                "split it by a part of the key."
            )
        self.state.subscribers = tuple(sorted(known | {message.subscriber}))

    @command(creates=True)
    async def remove(self, message: UnsubscribeFrom, context: Context) -> None:
        """End a subscription; one that is not there changes nothing."""
        self.state.subscribers = tuple(
            subscriber for subscriber in self.state.subscribers if subscriber != message.subscriber
        )

    @command(creates=True)
    async def publish(self, message: Publish, context: Context) -> None:
        """Send the fact to every subscriber, in this turn's commit."""
        for subscriber in self.state.subscribers:
            context.send(EntityId.parse(subscriber), Encoded(message.name, message.body))
