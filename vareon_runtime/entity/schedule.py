"""When a reminder is due: once, every so often, or by a cron line in a time zone. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from enum import Enum
from typing import NamedTuple

import msgspec

from vareon_runtime.errors import ConfigurationError

GRACE_MS = 10_000
"""A tick that is late by less, with no other due since, counts as in time."""
MISSED_LIMIT = 1_000
"""Missed ticks are counted so far; after a longer absence the count stays here."""
SHORTEST_MS = 10


class Misfire(Enum):
    """What becomes of ticks that came due while nobody could handle them.

    A reminder that is due once is always handled, however late.
    """

    SKIP = "skip"
    """They are left out; the schedule goes on with the next one that is still to come."""
    ONE = "one"
    """One tick stands for all of them, and says how many it stands for."""
    ALL = "all"
    """Each is handled, one after another, in order."""


class Settled(NamedTuple):
    """What a due tick comes to once somebody is there to handle it.

    Attributes:
        fires: Whether it is handled; if not, it is left out.
        missed: Ticks left out besides this one, at most `MISSED_LIMIT`.
        following_ms: When the next one is due, or None if there is none.
    """

    fires: bool
    missed: int
    following_ms: int | None


class Schedule(msgspec.Struct, frozen=True):
    """A rule for the moments at which a reminder is due, in epoch milliseconds.

    Attributes:
        every_ms: Distance of two ticks; 0 if it is not periodic.
        cron: A cron line of five fields (or six, with seconds in front); empty if there is none.
        zone: The IANA time zone that the line is meant in.
        misfire: What becomes of missed ticks.
    """

    every_ms: int = 0
    cron: str = ""
    zone: str = "UTC"
    misfire: Misfire = Misfire.ONE

    @property
    def repeats(self) -> bool:
        """Whether more than one tick is due."""
        return bool(self.every_ms or self.cron)

    def checked(self) -> Schedule:
        """This schedule, once it is known to make sense.

        Raises:
            ConfigurationError: If the cron line, the zone or the period is wrong.
        """
        if self.every_ms and self.every_ms < SHORTEST_MS:
            raise ConfigurationError(f"A reminder may come every {SHORTEST_MS} ms, not oftener.")
        if self.cron and self.first_after(0) is None:
            raise ConfigurationError(f"The cron line '{self.cron}' is never due.")
        if not self.repeats and self.misfire is not Misfire.ONE:
            raise ConfigurationError("A reminder that is due once is never left out.")
        return self

    def first_after(self, moment_ms: int) -> int | None:
        """The first tick of a cron line after a moment."""
        return next(self._cron_after(moment_ms), None)

    def following(self, due_ms: int) -> int | None:
        """The tick after the one that is due at ``due_ms``."""
        if self.every_ms:
            return due_ms + self.every_ms
        return self.first_after(due_ms) if self.cron else None

    def settle(self, due_ms: int, now_ms: int) -> Settled:
        """What becomes of the tick that is due at ``due_ms`` when it can be handled now."""
        following_ms = self.following(due_ms)
        if following_ms is None or self.misfire is Misfire.ALL:
            return Settled(True, 0, following_ms)
        later, upcoming_ms = self._missed(due_ms, now_ms)
        if self.misfire is Misfire.ONE:
            return Settled(True, later, upcoming_ms)
        in_time = not later and now_ms - due_ms <= GRACE_MS
        return Settled(in_time, 0 if in_time else later, upcoming_ms)

    def _missed(self, due_ms: int, now_ms: int) -> tuple[int, int | None]:
        """How many ticks after this one are due by now, and the first that is not."""
        if self.every_ms:
            later = max(0, now_ms - due_ms) // self.every_ms
            return min(later, MISSED_LIMIT), due_ms + (later + 1) * self.every_ms
        later = 0
        for moment_ms in self._cron_after(due_ms):
            if moment_ms > now_ms:
                return later, moment_ms
            later += 1
            if later == MISSED_LIMIT:
                return later, self.first_after(now_ms)
        return later, None

    def _cron_after(self, moment_ms: int) -> Iterator[int]:
        from cronsim import CronSim, CronSimError  # few processes ever need it

        zone = _zone(self.zone)
        start = datetime.fromtimestamp(moment_ms / 1000, UTC).astimezone(zone)
        try:
            ticks = CronSim(self.cron, start)
        except CronSimError as error:
            raise ConfigurationError(f"'{self.cron}' is no cron line: {error}.") from error
        last_ms = moment_ms
        for tick in ticks:
            # When the clock is put back, a local time of the second pass names the first one.
            tick_ms = round(tick.timestamp() * 1000)
            if tick_ms > last_ms:
                last_ms = tick_ms
                yield tick_ms


def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"There is no time zone '{name}'; use a name like Europe/Berlin."
        ) from error
