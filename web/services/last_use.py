"""Notes that sessions and keys are used: now and then, not at every request."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from actors import names
from actors.sign_in.messages import TouchApiKey, TouchSession
from vareon_runtime.clock import Clock, utc
from vareon_runtime.errors import VareonError
from vareon_runtime.identity import Principal
from vareon_runtime.routing.bus import MessageBus
from vareon_runtime.telemetry import failure
from web.caller import Grant

EVERY_S = 300.0
"""So often at most one session or key is written."""
MOST_NOTED = 256
"""Notes under way; what is not noted now is noted at the next use."""


class LastUse:
    """Tells the entities in the background; what is lost of it does no harm."""

    def __init__(self, bus: MessageBus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self._noting: dict[Grant, asyncio.Task[None]] = {}

    def seen(self, grant: Grant, last_used_at: datetime | None) -> None:
        """Somebody came with this; it was noted last at that time."""
        now = utc(self._clock.time())
        recent = last_used_at is not None and now - last_used_at < timedelta(seconds=EVERY_S)
        if recent or grant in self._noting or len(self._noting) >= MOST_NOTED:
            return
        noting = asyncio.get_running_loop().create_task(self._note(grant))
        self._noting[grant] = noting
        noting.add_done_callback(lambda _done: self._noting.pop(grant, None))

    async def _note(self, grant: Grant) -> None:
        who = Principal(grant.user_id)
        try:
            if grant.key_id is not None:
                target = names.api_keys(grant.user_id)
                await self._bus.ask(target, TouchApiKey(grant.key_id), principal=who)
            elif grant.session_id is not None:
                target = names.sessions(grant.user_id)
                await self._bus.ask(target, TouchSession(grant.session_id), principal=who)
        except VareonError as error:
            failure("last_use_not_noted", error, user_id=grant.user_id)
