"""The activations alive in this host."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from vareon_runtime.entity.base import Entity
from vareon_runtime.errors import InternalError, Overloaded
from vareon_runtime.identity import EntityId
from vareon_runtime.telemetry import failure

if TYPE_CHECKING:
    from vareon_runtime.hosting.activation import Activation
    from vareon_runtime.hosting.host import Host

ACTIVATIONS_LIMIT = 1_000_000
SWEPT_AT_ONCE = 1_000
QUIET_AFTER_S = 10.0
TURN_LIMIT_S = 30.0


class Catalog:
    """Finds or makes the one activation of an entity, and lets idle ones go."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._live: dict[EntityId, Activation] = {}

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[Activation]:
        return iter(list(self._live.values()))

    def get(self, target: EntityId) -> Activation:
        """The entity's activation, new if there is none.

        Raises:
            NotFound: If no such kind is registered.
            InvalidMessage: If the id is malformed.
            Overloaded: If the host holds as many as it may.
        """
        found = self._live.get(target)
        if found is not None:
            return found
        klass = self._host.registry.get(target.kind)
        if len(self._live) >= ACTIVATIONS_LIMIT:
            raise Overloaded("This host is full; try again.", 5.0)
        made = self._made(klass, target.checked())
        self._live[target] = made
        return made

    def _made(self, klass: type[Entity[Any]], target: EntityId) -> Activation:
        try:
            return self._host.activate(klass, target)
        except Exception as error:
            failure("activation_failed", error, entity=str(target))
            raise InternalError("This entity could not be made; the log says why.") from error

    def find(self, target: EntityId) -> Activation | None:
        """The entity's activation, if it is in memory."""
        return self._live.get(target)

    def remove(self, activation: Activation) -> None:
        """Forget an activation, unless another has taken its place."""
        if self._live.get(activation.target) is activation:
            del self._live[activation.target]

    def sweep(self, now: float) -> None:
        """Let idle activations go, quiet ones forget, and stop turns that never end."""
        self._sweep(list(self._live.values()), now)

    async def sweep_in_parts(self, now: float) -> None:
        """The same, a part at a time: a hundred thousand at once would make everybody wait."""
        live = list(self._live.values())
        for at in range(0, len(live), SWEPT_AT_ONCE):
            self._sweep(live[at : at + SWEPT_AT_ONCE], now)
            await asyncio.sleep(0)

    def _sweep(self, some: Sequence[Activation], now: float) -> None:
        for activation in some:
            if activation.turn_began and now - activation.turn_began > TURN_LIMIT_S:
                activation.stop_turn()
                continue
            if not activation.idle:
                continue
            unused_s = now - activation.last_used
            if unused_s > activation.klass.handlers.idle_after_s:
                self.remove(activation)
            elif unused_s > QUIET_AFTER_S and (activation.recent or activation.channels):
                activation.forget()
