"""Wrong passwords: ten within a quarter of an hour lock an account, or an address, for a while.

How often somebody failed is known by entities, so it holds at every front door and after a restart.
A look, which writes nothing, lets an attempt in; it is settled once its password was checked, so
that of many at once no more are answered than are counted.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Awaitable, Callable

from sqlalchemy import select

from actors import names
from actors.sign_in.messages import MOST_FAILURES, ForgetFailures, GetLock, Lock, NoteFailure
from vareon_runtime.clock import Clock, utc
from vareon_runtime.models import SessionRow
from vareon_runtime.routing.bus import MessageBus
from vareon_runtime.telemetry import event
from web.client_address import UNKNOWN, network_of
from web.refusals import LockedOut
from web.services.accounts import Rows


class Lockout:
    """Checks passwords, unless there were too many wrong ones.

    Args:
        rows: The database.
        bus: The way to the entities that count.
        clock: Decides which sessions count.
    """

    def __init__(self, rows: Rows, bus: MessageBus, clock: Clock) -> None:
        self._rows = rows
        self._bus = bus
        self._clock = clock

    async def guarded(
        self, login: str, address: str, user_id: str, check: Callable[[], Awaitable[bool]]
    ) -> bool:
        """Whether a password is right; the same is done whether there is such an account or not.

        Args:
            login: What was given as a name.
            address: Where from.
            user_id: The account's; empty if there is none.
            check: Compares the password, or does as much work.

        Raises:
            LockedOut: If this account was tried too often, or from this address.
        """
        nobody = hashlib.sha256(login.casefold().encode("utf-8", "replace")).hexdigest()
        attempt = _Attempt(self._bus, user_id or f"nobody {nobody}", network_of(address))
        found = await attempt.locks(known=False)
        known = found[0].wait_s > 0 and await self._is_home(user_id, address)
        _refuse(await attempt.locks(known=True) if known else found)
        if not await check():
            found = await attempt.failed(known=known)
            _refuse(found)
            if max(lock.failures for lock in found) + 1 >= MOST_FAILURES:
                event("sign_in_locked", user_id=user_id, address=address)
            return False
        found = await attempt.locks(known=known)
        _refuse(found)
        if found[0].failures:
            await attempt.forget()
        return True

    async def _is_home(self, user_id: str, address: str) -> bool:
        """Whether the account's owner is signed in from this address."""
        statement = (
            select(SessionRow.id)
            .where(
                SessionRow.user_id == user_id,
                SessionRow.address == address,
                SessionRow.expires_at > utc(self._clock.time()),
            )
            .limit(1)
        )
        return bool(await self._rows.rows(statement))


class _Attempt:
    """One, as an account's and as an address's."""

    def __init__(self, bus: MessageBus, account: str, address: str) -> None:
        self._bus = bus
        self._account = account
        # Whoever comes from nowhere shares that with everybody else.
        self._address = address if address != UNKNOWN else ""

    async def locks(self, *, known: bool) -> tuple[Lock, Lock]:
        return await self._both(
            GetLock(self._account, self._address, known), GetLock(f"from {self._address}")
        )

    async def failed(self, *, known: bool) -> tuple[Lock, Lock]:
        return await self._both(
            NoteFailure(self._account, self._address, known), NoteFailure(f"from {self._address}")
        )

    async def forget(self) -> None:
        target = names.lockout(self._account)
        await self._bus.ask(target, ForgetFailures(self._account))

    async def _both(
        self, account: GetLock | NoteFailure, address: GetLock | NoteFailure
    ) -> tuple[Lock, Lock]:
        asked = self._ask(account)
        if not self._address:
            return await asked, Lock(0, 0.0)
        first, second = await asyncio.gather(asked, self._ask(address))
        return first, second

    async def _ask(self, message: GetLock | NoteFailure) -> Lock:
        return await self._bus.ask(names.lockout(message.subject), message)


def _refuse(locks: tuple[Lock, Lock]) -> None:
    wait_s = max(lock.wait_s for lock in locks)
    if wait_s > 0:
        raise LockedOut(
            f"Too many wrong passwords; try again in {math.ceil(wait_s)} seconds.", wait_s
        )
