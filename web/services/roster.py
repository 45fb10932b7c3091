"""Asking for a change of what an account may do."""

from __future__ import annotations

from actors import names
from actors.accounts.messages import AccessOutcome, UserView
from vareon_runtime.errors import from_code
from vareon_runtime.identity import Principal
from vareon_runtime.message import Request
from vareon_runtime.routing.bus import MessageBus


async def ask_roster(
    bus: MessageBus, message: Request[AccessOutcome], principal: Principal
) -> UserView | None:
    """Have an account changed; returns it as it is then, or None if that ended it.

    Raises:
        Conflict: If no active administrator would be left.
        NotPermitted: If the account may, or would be allowed, more than the caller.
        NotFound: If there is no such account, or it is closed.
    """
    outcome = await bus.ask(names.roster(), message, principal=principal)
    if outcome.code:
        raise from_code(outcome.code, outcome.detail)
    return outcome.account
