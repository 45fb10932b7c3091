"""How many requests each caller may make in a minute.

One number for each caller says when its quota will be whole again (the generic cell rate algorithm,
as in ATM): a request puts that off by a minute's part, and is refused if it would lie more than a
minute ahead. So a whole minute's quota may be used at once, and then comes back steadily. The
answer says what is left, in the words of the IETF's draft ``ratelimit-headers``.

Each front door counts for itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from aiohttp import web as aiohttp_web
from multidict import CIMultiDict, istr

from vareon_runtime.clock import Clock
from vareon_runtime.errors import QuotaExceeded
from web.routes import Route

WINDOW_S = 60.0
MOST_COUNTED = 100_000
"""Callers whose quotas are known; of more the oldest begin anew."""
_JUST_OVER_S = WINDOW_S + 1e-6
"""Sums of parts of a second are not exact."""
_LOOKED_AT = 8
"""Of the oldest, how many are looked at for one whose quota is whole again."""


class Quota(NamedTuple):
    """What one kind of request may use.

    Attributes:
        name: As the headers have it.
        per_window: Requests within a window.
        each_s: How long one request takes to come back.
        policy: How the header declares it.
        said: How the other header begins, which tells what is left.
    """

    name: str
    per_window: int
    each_s: float
    policy: str
    said: str

    @classmethod
    def of(cls, name: str, per_window: int) -> Quota:
        """A quota of so many requests a minute."""
        policy = f'"{name}";q={per_window};w={WINDOW_S:.0f}'
        return cls(name, per_window, WINDOW_S / per_window, policy, f'"{name}";r=')


class Quotas:
    """Counts the requests of everybody, in bounded memory.

    Args:
        clock: Tells how much has come back.
        signed_in: Requests a minute of one user.
        anonymous: Requests a minute of one address, of whoever is not signed in there.
        address: Where a request comes from.
    """

    def __init__(
        self,
        clock: Clock,
        signed_in: int,
        anonymous: int,
        address: Callable[[aiohttp_web.Request], str],
    ) -> None:
        self._clock = clock
        self._signed_in = Quota.of("caller", signed_in)
        self._anonymous = Quota.of("address", anonymous)
        self._address = address
        self._routes: dict[str, Quota] = {}
        self._whole_at: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._whole_at)

    def count(self, request: aiohttp_web.Request, route: Route, user_id: str) -> None:
        """Take a request into account, and note on it what is left.

        Args:
            request: What is asked.
            route: Where.
            user_id: Whose request it is; empty for nobody's.

        Raises:
            QuotaExceeded: If nothing is left; says when there will be.
        """
        if user_id:
            who, quota = user_id, self._signed_in
        else:
            who, quota = "@" + self._address(request), self._anonymous
        now = self._clock.monotonic()
        whole_in_s = self._take(who, quota, now)
        if route.rate is not None and whole_in_s <= WINDOW_S:
            # It is the narrower one, so it is the one to tell of.
            quota = self._quota_of(route, route.rate)
            whole_in_s = self._take(f"{who} {quota.name}", quota, now)
        left = 0 if whole_in_s > WINDOW_S else int((WINDOW_S - whole_in_s) / quota.each_s + 0.5)
        request[_LEFT] = (quota.policy, f"{quota.said}{left};t={int(whole_in_s) + 1}")
        if whole_in_s > WINDOW_S:
            raise QuotaExceeded(
                f"More than {quota.per_window} requests a minute; come more slowly.",
                whole_in_s - WINDOW_S,
            )

    def _quota_of(self, route: Route, rate: int) -> Quota:
        name = f"{route.method} {route.path}"
        found = self._routes.get(name)
        if found is None:
            found = self._routes[name] = Quota.of(name, rate)
        return found

    def _take(self, who: str, quota: Quota, now: float) -> float:
        """In how many seconds a quota will be whole again; more than a window: nothing is left."""
        known = self._whole_at
        whole_at = known.get(who, 0.0)
        if whole_at <= now:
            if not whole_at and len(known) >= MOST_COUNTED:
                self._make_room(now)
            whole_at = now
        whole_at += quota.each_s
        in_s = whole_at - now
        if in_s > _JUST_OVER_S:
            return in_s
        known[who] = whole_at
        return min(WINDOW_S, in_s)

    def _make_room(self, now: float) -> None:
        """Forget somebody whose quota is whole anyway; if there is nobody, the oldest."""
        known = self._whole_at
        for _ in range(_LOOKED_AT):
            oldest = next(iter(known))
            whole_at = known.pop(oldest)
            if whole_at <= now:
                return
            known[oldest] = whole_at
        known.pop(next(iter(known)))


# Made once: to fold a name's case each time costs more than to set the header.
_POLICY, _REST = istr("RateLimit-Policy"), istr("RateLimit")
_LEFT = aiohttp_web.RequestKey("left_of_quotas", tuple)


def tell_quotas(request: aiohttp_web.BaseRequest, headers: CIMultiDict[str]) -> None:
    """Say on an answer what is left, if its request was counted."""
    left = request.get(_LEFT)
    if left is not None:
        headers[_POLICY], headers[_REST] = left
