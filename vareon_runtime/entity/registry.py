"""The kinds of entity that a host can run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vareon_runtime.entity.base import Entity
from vareon_runtime.entity.topic import Topic
from vareon_runtime.errors import ConfigurationError, NotFound


class Registry:
    """Kind to class, fixed at start."""

    def __init__(self, classes: Iterable[type[Entity[Any]]]) -> None:
        self._by_kind: dict[str, type[Entity[Any]]] = {}
        everything: list[type[Entity[Any]]] = [
            Topic,
            *(klass for klass in classes if klass is not Topic),
        ]
        for klass in everything:
            kind = klass.handlers.kind
            if kind in self._by_kind:
                raise ConfigurationError(f"Two classes are registered as '{kind}'.")
            self._by_kind[kind] = klass

    def get(self, kind: str) -> type[Entity[Any]]:
        """The class of a kind.

        Raises:
            NotFound: If nobody registered it.
        """
        try:
            return self._by_kind[kind]
        except KeyError:
            raise NotFound(f"There is no entity kind '{kind[:60]}' here.") from None

    def __iter__(self) -> Any:
        return iter(self._by_kind.values())
