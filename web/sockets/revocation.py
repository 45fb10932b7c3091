"""Closes the sockets of those who are signed out, wherever that was done."""

from __future__ import annotations

from sqlalchemy.exc import SQLAlchemyError

from vareon_runtime.clock import Clock
from vareon_runtime.errors import VareonError
from vareon_runtime.telemetry import failure
from web.services.standing import Standing
from web.sockets.open_sockets import OpenSockets

LOOK_EVERY_S = 1.0
"""With the 4 s after which a reader that is stuck is cut off, nobody stays longer than 5 s."""
SIGNED_OUT = 4401


class Revocation:
    """Looks now and then whether what the open sockets rest on still counts."""

    def __init__(self, sockets: OpenSockets, standing: Standing) -> None:
        self._sockets = sockets
        self._standing = standing

    async def keep_up(self, clock: Clock) -> None:
        """Look, for as long as the front door serves."""
        while True:
            await clock.sleep(LOOK_EVERY_S)
            try:
                await self.look()
            except (SQLAlchemyError, VareonError) as error:
                failure("revocations_unreadable", error)

    async def look(self) -> None:
        """Close the sockets whose callers are signed in no more."""
        grants = self._sockets.grants()
        if not grants:
            return
        for grant in await self._standing.fallen(grants):
            for socket in self._sockets.resting_on(grant):
                socket.end(SIGNED_OUT, "Signed out.")
