"""When reminders are due."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from vareon_runtime.entity.schedule import MISSED_LIMIT, Misfire, Schedule
from vareon_runtime.errors import ConfigurationError

BERLIN = ZoneInfo("Europe/Berlin")
S = 1_000
HOUR = 3_600 * S
T0 = 1_800_000_000_000


def ms(text: str) -> int:
    """Epoch milliseconds of an ISO moment with its offset."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def ticks(line: str, after: str, number: int, zone: str = "Europe/Berlin") -> list[str]:
    """The next ticks of a cron line, as UTC."""
    schedule, moment, found = Schedule(cron=line, zone=zone), ms(after), []
    for _ in range(number):
        following = schedule.following(moment)
        assert following is not None
        moment = following
        found.append(datetime.fromtimestamp(moment / 1000, UTC).strftime("%m-%d %H:%M"))
    return found


def test_a_working_day_has_its_hour_in_the_given_zone() -> None:
    # Friday 2026-11-20: the next tick is Monday, seven o'clock in Berlin, six in UTC
    assert ticks("0 7 * * 1-5", "2026-11-20T07:00:00+01:00", 2) == ["11-23 06:00", "11-24 06:00"]
    assert ticks("0 7 * * 1-5", "2026-07-01T00:00:00+02:00", 1) == ["07-01 05:00"]
    assert ticks("0 7 * * 1-5", "2026-07-01T00:00:00+02:00", 1, "UTC") == ["07-01 07:00"]


def test_an_hour_that_spring_leaves_out_comes_when_the_clock_has_jumped() -> None:
    # 2026-03-29 02:00 becomes 03:00; 02:30 does not exist and is due at 03:00, once
    found = ticks("30 2 * * *", "2026-03-28T12:00:00+01:00", 3)
    assert found == ["03-29 01:00", "03-30 00:30", "03-31 00:30"]
    assert ticks("15,45 2 * * *", "2026-03-28T12:00:00+01:00", 2) == ["03-29 01:00", "03-30 00:15"]


def test_an_hour_that_autumn_repeats_is_due_once() -> None:
    # 2026-10-25 03:00 becomes 02:00; 02:30 comes twice and is due the first time
    found = ticks("30 2 * * *", "2026-10-24T12:00:00+02:00", 3)
    assert found == ["10-25 00:30", "10-26 01:30", "10-27 01:30"]


def test_nothing_is_due_in_the_past_within_the_repeated_hour() -> None:
    # set at 02:15 of the second pass, 02:30 would name the first pass, which is over
    assert ticks("30 2 * * *", "2026-10-25T02:15:00+01:00", 1) == ["10-26 01:30"]


def test_a_line_for_every_hour_comes_every_hour_through_both() -> None:
    spring = ticks("0 * * * *", "2026-03-29T00:30:00+01:00", 4)
    assert spring == ["03-29 00:00", "03-29 01:00", "03-29 02:00", "03-29 03:00"]
    autumn = ticks("0 * * * *", "2026-10-25T00:30:00+02:00", 4)
    assert autumn == ["10-24 23:00", "10-25 00:00", "10-25 01:00", "10-25 02:00"]


def test_periods_do_not_drift_and_end_never() -> None:
    schedule = Schedule(every_ms=30 * S)
    assert schedule.following(T0) == T0 + 30 * S
    assert schedule.settle(T0, T0 + 7 * S).following_ms == T0 + 30 * S
    assert Schedule().following(T0) is None


@pytest.mark.parametrize(
    ("misfire", "fires", "missed", "following_s"),
    [
        (Misfire.SKIP, False, 3, 120),
        (Misfire.ONE, True, 3, 120),
        (Misfire.ALL, True, 0, 30),
    ],
)
def test_what_becomes_of_missed_ticks(
    misfire: Misfire, fires: bool, missed: int, following_s: int
) -> None:
    settled = Schedule(every_ms=30 * S, misfire=misfire).settle(T0, T0 + 95 * S)
    assert settled == (fires, missed, T0 + following_s * S)


@pytest.mark.parametrize("misfire", list(Misfire))
def test_a_tick_in_time_is_handled_by_every_policy(misfire: Misfire) -> None:
    settled = Schedule(every_ms=30 * S, misfire=misfire).settle(T0, T0 + 2 * S)
    assert settled == (True, 0, T0 + 30 * S)


def test_a_rare_tick_that_is_late_is_skipped_though_no_other_is_due() -> None:
    schedule = Schedule(every_ms=24 * HOUR, misfire=Misfire.SKIP)
    assert not schedule.settle(T0, T0 + HOUR).fires
    assert schedule.settle(T0, T0 + 5 * S).fires


def test_what_is_due_once_is_handled_however_late() -> None:
    assert Schedule().settle(T0, T0 + 1_000 * HOUR) == (True, 0, None)


def test_a_long_absence_is_counted_to_a_limit() -> None:
    away = T0 + 400 * 24 * HOUR
    for schedule in (Schedule(every_ms=S), Schedule(cron="* * * * *")):
        settled = schedule.settle(T0, away)
        assert settled.missed == MISSED_LIMIT
        assert settled.following_ms is not None
        assert away < settled.following_ms <= away + 60 * S


@pytest.mark.parametrize(
    "wrong",
    [
        Schedule(cron="0 7 * *"),
        Schedule(cron="0 25 * * *"),
        Schedule(cron="0 0 30 2 *"),
        Schedule(cron="0 7 * * *", zone="Europe/Atlantis"),
        Schedule(cron="0 7 * * *", zone="../../etc/passwd"),
        Schedule(every_ms=1),
        Schedule(misfire=Misfire.ALL),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: Schedule) -> None:
    with pytest.raises(ConfigurationError):
        wrong.checked()
