"""What each of our processes runs: started once, stopped once, asked how it is."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from vareon_runtime.config import Settings


class Service(Protocol):
    """A host, a router or a front door, whatever process it lives in."""

    async def start(self) -> None:
        """Begin; returns when it can work."""
        ...

    async def stop(self) -> None:
        """Finish what is under way, then end; never longer than a few seconds."""
        ...

    def status(self) -> dict[str, Any]:
        """Counters and states for dashboards."""
        ...


ServiceFactory = Callable[[Settings, str], Awaitable[Service]]


def load_factory(reference: str) -> ServiceFactory:
    """The factory that ``module:function`` names; imported here, in the process that runs it."""
    module, _, name = reference.partition(":")
    factory: ServiceFactory = getattr(importlib.import_module(module), name)
    return factory
