"""Whether somebody who came in a while ago still may: what a socket asks before each message."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from vareon_runtime.clock import Clock
from vareon_runtime.errors import NotAuthenticated, NotPermitted
from web.caller import Caller
from web.services.accounts import Accounts
from web.services.policy import granted

REMEMBERED_S = 5.0
"""A role that is taken, changed or deleted counts no more after this time."""
MOST_KNOWN = 10_000


class _Known(NamedTuple):
    permissions: frozenset[str]
    good_until: float


class Rights:
    """Looks accounts up, and remembers for a few seconds what they may do."""

    def __init__(self, accounts: Accounts, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def check(self, caller: Caller, permission: str) -> None:
        """Refuse a caller who may not do this, or not any more.

        What they came with bounds what they may do; what their account lost since, they lost too.

        Raises:
            NotAuthenticated: If the account is gone or closed.
            NotPermitted: If it lacks the permission.
        """
        known = self._known.get(caller.user_id)
        if known is None or known.good_until <= self._clock.time():
            known = await self._look_up(caller.user_id)
        if permission not in known.permissions or permission not in caller.permissions:
            raise NotPermitted("Not enough permissions")

    async def _look_up(self, user_id: str) -> _Known:
        account = await self._accounts.by_id(user_id)
        if account is None or not account.is_active:
            self._known.pop(user_id, None)
            raise NotAuthenticated("Could not validate credentials")
        found = _Known(granted(account.grants), self._clock.time() + REMEMBERED_S)
        self._known[user_id] = found
        self._known.move_to_end(user_id)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return found
