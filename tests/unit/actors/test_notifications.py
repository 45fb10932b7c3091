"""What a user should know of: counted, bounded, and told again to whoever was away."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from actors import notices
from actors.notices import NoticeKind, register
from actors.system import notifications
from actors.system.messages import (
    DeleteNotification,
    DeleteNotifications,
    GetUnread,
    NotificationsDeleted,
    NotificationsRead,
    Notified,
    Notify,
    ReadAllNotifications,
    ReadNotification,
    UnreadView,
    notifications_after,
)
from actors.system.notifications import MOST_KEPT, Notifications
from tests.support.workbench import ADMIN, ANN, BOB, Workbench, texts_of
from vareon_runtime.entity import Tick
from vareon_runtime.errors import ConfigurationError, InvalidMessage, NotFound, NotPermitted
from vareon_runtime.models import NotificationRow

NOTE = register(NoticeKind("test_note", "Note {n}", "It says {n}.", "/#{n}"))


@pytest.fixture
def mine(bench: Workbench) -> Notifications:
    made = bench.entity(Notifications, ANN.user_id)
    assert isinstance(made, Notifications)
    return made


async def noted(bench: Workbench, mine: Notifications, n: int) -> str:
    """Notify as the system does; the new one's id."""
    message: Any = Notify(NOTE, {"n": str(n)})
    await bench.ask(mine, message, None)
    event = bench.events[-1]
    assert isinstance(event, Notified)
    return event.notifications[0].id


async def unread(bench: Workbench, mine: Notifications) -> int:
    found: UnreadView = await bench.ask(mine, GetUnread())
    return found.unread


async def kept(bench: Workbench) -> list[Any]:
    return await bench.read(select(NotificationRow).order_by(NotificationRow.number))


async def missed(bench: Workbench, mine: Notifications, after: int) -> list[Notified]:
    context = bench._context(mine, ANN)
    found = await mine.catch_up(notifications_after(after), context)
    assert all(isinstance(one, Notified) for one in found)
    return list(found)  # type: ignore[arg-type]


async def test_it_says_what_its_kind_says(bench: Workbench, mine: Notifications) -> None:
    await noted(bench, mine, 7)
    (row,) = await kept(bench)
    assert (row.kind, row.title, row.text, row.link) == ("test_note", "Note 7", "It says 7.", "/#7")
    assert (row.unread, row.read_at) == (True, None)


async def test_reading_and_deleting_are_counted_once(bench: Workbench, mine: Notifications) -> None:
    first, second = await noted(bench, mine, 1), await noted(bench, mine, 2)
    for _ in range(2):
        assert (await bench.ask(mine, ReadNotification(first))).unread == 1
    reads = [one for one in bench.events if isinstance(one, NotificationsRead)]
    assert [(one.unread, one.ids) for one in reads] == [(1, (first,))]
    assert [row.unread for row in await kept(bench)] == [False, True]
    await bench.ask(mine, DeleteNotification(second))
    assert bench.events[-1] == NotificationsDeleted(4, 0, (second,))
    assert await unread(bench, mine) == 0
    with pytest.raises(NotFound):
        await bench.ask(mine, ReadNotification(second))


async def test_reading_all_leaves_the_times_of_what_was_read_before(
    bench: Workbench, mine: Notifications
) -> None:
    first = await noted(bench, mine, 1)
    await bench.ask(mine, ReadNotification(first))
    (row,) = await kept(bench)
    await noted(bench, mine, 2)
    assert (await bench.ask(mine, ReadAllNotifications())).unread == 0
    rows = await kept(bench)
    assert rows[0].read_at == row.read_at < rows[1].read_at
    position = mine.state.position
    await bench.ask(mine, ReadAllNotifications())
    assert mine.state.position == position, "nothing was left to read"


async def test_the_oldest_goes_when_there_are_too_many(
    bench: Workbench, mine: Notifications, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "MOST_KEPT", 5)
    ids = [await noted(bench, mine, n) for n in range(5)]
    await bench.ask(mine, ReadNotification(ids[1]))
    for n in range(5, 8):
        await noted(bench, mine, n)
    assert texts_of(await kept(bench), "title") == [f"Note {n}" for n in range(3, 8)]
    assert await unread(bench, mine) == 5, "the one that was read was among those that went"


async def test_a_thousand_are_kept(bench: Workbench, mine: Notifications) -> None:
    for n in range(MOST_KEPT + 1):
        await noted(bench, mine, n)
    rows = await kept(bench)
    assert (len(rows), rows[0].title, await unread(bench, mine)) == (1000, "Note 1", 1000)
    told = await missed(bench, mine, 0)
    assert [one.position for one in told] == [0] * 10 + [1001]
    assert [n.title for one in told for n in one.notifications] == [row.title for row in rows]


async def test_who_was_away_is_told_what_changed_since(
    bench: Workbench, mine: Notifications
) -> None:
    ids = [await noted(bench, mine, n) for n in range(3)]
    assert [one.notifications for one in await missed(bench, mine, 3)] == []
    await noted(bench, mine, 3)
    await bench.ask(mine, ReadNotification(ids[1]))
    told, end = await missed(bench, mine, 3)
    assert [(one.title, one.read_at is not None) for one in told.notifications] == [
        ("Note 1", True),
        ("Note 3", False),
    ]
    assert (told.position, end.position, end.unread, end.notifications) == (3, 5, 3, ())


async def test_old_ones_are_forgotten_and_the_next_look_is_when_one_is_old(
    bench: Workbench, mine: Notifications
) -> None:
    await noted(bench, mine, 1)
    assert mine.state.expiring
    bench.clock.now_s += 89 * 86_400
    await noted(bench, mine, 2)
    bench.clock.now_s += 86_400
    turn = bench._context(mine, None)
    await mine.expire(Tick("expire", datetime.now(UTC), 0), turn)
    again = turn.changes.reminders["expire"]
    assert again is not None
    assert 88 * 86_400 < again.due_ms / 1000 - bench.clock.now_s <= 89 * 86_400
    bench._commit(mine, turn.changes, write_state=True)
    assert texts_of(await kept(bench), "title") == ["Note 2"]
    assert await unread(bench, mine) == 1
    bench.clock.now_s += 90 * 86_400
    turn = bench._context(mine, None)
    await mine.expire(Tick("expire", datetime.now(UTC), 0), turn)
    assert "expire" not in turn.changes.reminders
    assert not mine.state.expiring


async def test_one_that_is_not_committed_yet_expires_too(
    bench: Workbench, mine: Notifications
) -> None:
    """The look at the rows does not see it, and its own turn has set no reminder."""
    mine.state.expiring, mine.state.number = True, 1
    mine.state.newest_at = datetime.fromtimestamp(bench.clock.time(), UTC)
    turn = bench._context(mine, None)
    await mine.expire(Tick("expire", datetime.now(UTC), 0), turn)
    assert turn.changes.reminders["expire"] is not None
    assert mine.state.expiring


async def test_nobody_elses_exist_and_nobody_notifies_by_themselves(
    bench: Workbench, mine: Notifications
) -> None:
    notify: Any = Notify(NOTE, {"n": "1"})
    one = await noted(bench, mine, 1)
    with pytest.raises(NotFound):
        await bench.ask(mine, ReadNotification(one), BOB)
    with pytest.raises(NotFound):
        await bench.ask(mine, DeleteNotifications(), BOB)
    with pytest.raises(NotPermitted):
        await bench.ask(mine, notify, ANN)
    await bench.ask(mine, DeleteNotifications(), ADMIN)
    assert await kept(bench) == []


async def test_a_kind_is_registered_once_and_filled_in() -> None:
    with pytest.raises(ConfigurationError, match="rename it"):
        register(NoticeKind("test_note", "Another"))
    with pytest.raises(InvalidMessage, match="register it"):
        notices.worded("unheard_of", {})
    with pytest.raises(InvalidMessage, match="needs the fact 'n'"):
        notices.worded(NOTE, {})
    assert notices.worded(NOTE, {"n": "{x}" + "y" * 300}).title == "Note {x}" + "y" * 192
