"""Who has failed to sign in too often lately: as an account that is tried, or from an address."""

from __future__ import annotations

import hashlib
from datetime import datetime

import msgspec

from actors.sign_in.messages import MOST_FAILURES, ForgetFailures, GetLock, Lock, NoteFailure
from vareon_runtime.entity import Context, Entity, Message, State, command, entity, query
from vareon_runtime.errors import NotPermitted

WINDOW_S = 900
"""Within so long `MOST_FAILURES` failures lock."""
FIRST_LOCK_S = 60
LONGEST_LOCK_S = 3600
"""Each further failure doubles the lock, up to this; nothing is locked for ever."""
MOST_STRANGERS = 100
"""An account that is locked still lets addresses try that have not failed at it, so that its owner
gets in; once it was failed at so often, only those that are known to be the owner's."""
MOST_REMEMBERED = 200
"""Accounts or addresses in one of these; the least suspicious one is forgotten for one more."""
_DIGEST = 6


class Failures(msgspec.Struct, frozen=True, array_like=True):
    """How often somebody failed.

    Attributes:
        times: The last ones, in epoch seconds; at most `MOST_FAILURES`.
        count: All since it was quiet last.
        locks: How often they were locked, each longer than the last.
        locked_until: In epoch seconds; 0 while it was not.
        addresses: Digests of the addresses that failed at an account; at most `MOST_STRANGERS`.
    """

    times: tuple[int, ...] = ()
    count: int = 0
    locks: int = 0
    locked_until: int = 0
    addresses: tuple[bytes, ...] = ()

    def forgotten_at(self) -> int:
        """When it has been quiet for long enough."""
        quiet_s = LONGEST_LOCK_S if self.locked_until else 0
        return max(self.times[-1] + WINDOW_S, self.locked_until + quiet_s)


class LockoutState(State):
    """Failures by digests of accounts or addresses; never more than `MOST_REMEMBERED`."""

    failures: dict[bytes, Failures] = msgspec.field(default_factory=dict)


@entity("lockout")
class Lockout(Entity[LockoutState]):
    """One of a fixed number; accounts and addresses are spread over them by their digests."""

    def permit(self, message: Message | None, context: Context) -> None:
        """The system's own."""
        if context.principal is not None:
            raise NotPermitted("Not enough permissions")

    @query(creates=True)
    async def lock(self, message: GetLock, context: Context) -> Lock:
        """Whether an attempt is let in now."""
        return self._lock(message.subject, message.address, context.now(), known=message.known)

    @command(creates=True)
    async def note(self, message: NoteFailure, context: Context) -> Lock:
        """Count a failure, unless it was not let in; answered with how it was before.

        However many attempts are made at once, no more are answered than are counted.
        """
        now = context.now()
        before = self._lock(message.subject, message.address, now, known=message.known)
        if before.wait_s > 0:
            return before
        self._count(_short(message.subject), _short(message.address), int(now.timestamp()))
        return before

    @command
    async def forget(self, message: ForgetFailures, context: Context) -> bool:
        """Somebody signed in after all; a lock stays, for it was somebody else."""
        name = _short(message.subject)
        found = self.state.failures.get(name)
        if found is None or found.locked_until:
            return False
        del self.state.failures[name]
        return True

    def _lock(self, subject: str, address: str, now: datetime, *, known: bool) -> Lock:
        now_s = now.timestamp()
        found = self.state.failures.get(_short(subject))
        if found is None or found.forgotten_at() <= now_s:
            return Lock(failures=0, wait_s=0.0)
        spared = address and (
            known or (_short(address) not in found.addresses and found.count < MOST_STRANGERS)
        )
        wait_s = 0.0 if spared else max(0.0, found.locked_until - now_s)
        return Lock(failures=found.count, wait_s=wait_s)

    def _count(self, subject: bytes, address: bytes, now_s: int) -> None:
        failures = self.state.failures
        found = failures.get(subject)
        if found is None or found.forgotten_at() <= now_s:
            found = Failures()
        times = (*found.times, now_s)[-MOST_FAILURES:]
        locks, locked_until = found.locks, found.locked_until
        if locked_until + LONGEST_LOCK_S < now_s:
            locks = 0
        if len(times) == MOST_FAILURES and times[0] > now_s - WINDOW_S:
            locked_until = now_s + min(FIRST_LOCK_S << min(locks, 10), LONGEST_LOCK_S)
            locks += 1
        addresses = found.addresses
        if address and address not in addresses and len(addresses) < MOST_STRANGERS:
            addresses = (*addresses, address)
        failures[subject] = Failures(times, found.count + 1, locks, locked_until, addresses)
        if len(failures) > MOST_REMEMBERED:
            self._make_room(subject, now_s)

    def _make_room(self, kept: bytes, now_s: int) -> None:
        failures = self.state.failures
        for name in [one for one, found in failures.items() if found.forgotten_at() <= now_s]:
            del failures[name]
        if len(failures) > MOST_REMEMBERED:
            others = [one for one in failures if one != kept]
            del failures[min(others, key=lambda one: (failures[one].count, failures[one].times))]


def _short(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "replace")).digest()[:_DIGEST] if name else b""
