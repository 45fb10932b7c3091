"""Callers who wait no more, remembered until their messages' turns come, or for a minute."""

from __future__ import annotations

from vareon_runtime.hosting.delivery import Caller
from vareon_runtime.routing.link import Outlet

LIMIT = 20_000
"""More are not remembered: their messages are handled for nothing, as if nobody had hung up."""
KEEP_S = 60.0


class HungUp:
    """See the module. What has been answered already is remembered in vain, and so not for long."""

    def __init__(self) -> None:
        self._since: dict[Caller, float] = {}

    def __len__(self) -> int:
        return len(self._since)

    def add(self, caller: Caller, now: float) -> None:
        """Somebody has hung up."""
        if len(self._since) < LIMIT:
            self._since[caller] = now

    def has(self, caller: Caller) -> bool:
        """Whether a caller waits no more: hung up, or its link is gone."""
        return caller.link.closed or (
            bool(self._since) and self._since.pop(caller, None) is not None
        )

    def lost(self, link: Outlet) -> None:
        """A link is gone, which says it of all its callers."""
        for caller in [c for c in self._since if c.link is link]:
            del self._since[caller]

    def sweep(self, now: float) -> None:
        """Forget those whose messages came and went."""
        for caller in [c for c, since in self._since.items() if now - since > KEEP_S]:
            del self._since[caller]
