"""Notifications over HTTP and over their socket: from what happens to what is seen elsewhere."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import aiohttp
import pytest

from actors import names, notices
from actors.bootstrap import build_host
from actors.system import dead_letter_watch
from actors.system.messages import Notify
from tests.integration.test_dead_letters import set_aside
from tests.support.chat_client import ChatClient
from tests.support.system import ADMIN_PASSWORD, InProcessSystem
from tests.support.upstream import Upstream
from vareon_runtime.models import NotificationRow
from vareon_runtime.routing.bootstrap import build_router
from web.front_door import FrontDoor
from web.services import passwords

PATH = "/api/notifications"
WAIT_S = 20.0


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested here is not how slow hashing is."""
    monkeypatch.setattr(passwords, "COST", 4)


class Listener:
    """A client of the socket that comes back where it was."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self.position: int | None = None
        self.socket: Any = None

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.socket.close()

    async def connect(self) -> None:
        after = "" if self.position is None else f"?after={self.position}"
        self.socket = await self._session.ws_connect(f"/ws/notifications{after}")

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(WAIT_S):
            frame = await self.socket.receive_json()
        self.position = frame["position"]
        return dict(frame)

    async def until(self, kind: str) -> dict[str, Any]:
        while True:
            frame = await self.next()
            if frame["type"] == kind:
                return frame


async def listed(client: aiohttp.ClientSession, query: str = "") -> list[Any]:
    async with client.get(PATH + query) as response:
        assert response.status == 200, await response.text()
        return list(await response.json())


async def asked(client: aiohttp.ClientSession, method: str, path: str) -> Any:
    async with client.request(method, PATH + path) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def eventually(client: aiohttp.ClientSession, count: int) -> list[Any]:
    async with asyncio.timeout(WAIT_S):
        while len(found := await listed(client)) < count:
            await asyncio.sleep(0.02)
    return found


async def notify(system: InProcessSystem, user_id: str, *numbers: int) -> None:
    """As the system does."""
    assert isinstance(system.front_door, FrontDoor)
    bus: Any = system.front_door._bus
    for number in numbers:
        facts = {"title": f"n{number}", "conversation_id": "c"}
        await bus.ask(names.notifications(user_id), Notify(notices.ANSWER_READY, facts))


async def test_a_changed_password_is_told_and_what_is_done_with_it_is_seen_everywhere(
    system: InProcessSystem,
) -> None:
    body = {"old_password": ADMIN_PASSWORD, "new_password": "another long one"}
    async with system.admin().post("/api/users/me/password", json=body) as response:
        assert response.status == 200
    again = await system.sign_in(password="another long one")
    (one,) = await eventually(again, 1)
    assert (one["kind"], one["read_at"]) == ("password_changed", None)
    async with Listener(again) as listener:
        assert await listener.next() == {"type": "unread", "unread": 1, "position": 1}
        assert await listed(again, "?unread=true") == [one]
        for _ in range(2):
            assert await asked(again, "POST", f"/{one['id']}/read") == {"unread": 0}
        frame = await listener.next()
        assert (frame["type"], frame["ids"], frame["unread"]) == ("read", [one["id"]], 0)
        assert await listed(again, "?unread=true") == []
        assert (await listed(again))[0]["read_at"] is not None
        await asked(again, "DELETE", f"/{one['id']}")
        assert (await listener.next())["type"] == "deleted"
        assert await listed(again) == []


async def test_a_new_key_is_told_while_one_listens(system: InProcessSystem) -> None:
    admin = system.admin()
    async with Listener(admin) as listener:
        assert await listener.next() == {"type": "unread", "unread": 0, "position": 0}
        async with admin.post("/api/keys", json={"name": "backup script"}) as response:
            assert response.status == 201, await response.text()
        frame = await listener.until("notification")
    assert frame["notification"]["kind"] == "api_key_created"
    assert "backup script" in frame["notification"]["text"]
    assert await listed(admin) == [frame["notification"]]


async def test_nobody_reads_anybody_elses(system: InProcessSystem) -> None:
    await notify(system, system.admin_id, 1)
    (one,) = await eventually(system.admin(), 1)
    bea = await system.new_user("bea")
    assert await listed(bea) == []
    for method, path in (("POST", "/read"), ("DELETE", "")):
        async with bea.request(method, f"{PATH}/{one['id']}{path}") as response:
            assert response.status == 404
    assert await asked(bea, "POST", "/read") == {"unread": 0}
    assert await listed(system.admin(), "?unread=true") == [one]
    async with system.client().get(PATH) as response:
        assert response.status == 401


async def test_pages_hold_together_while_more_come(system: InProcessSystem) -> None:
    admin = system.admin()
    await notify(system, system.admin_id, *range(5))
    await eventually(admin, 5)
    await asked(admin, "POST", f"/{(await listed(admin))[1]['id']}/read")
    seen, path = [], f"{PATH}?limit=2&unread=true"
    while path:
        async with admin.get(path) as response:
            seen += [one["text"] for one in await response.json()]
            following = response.links.get("next")
            path = str(following["url"].relative()) if following else ""
        await notify(system, system.admin_id, 9)
    assert seen == ["n4", "n2", "n1", "n0"]


async def test_reading_all_is_told_elsewhere(system: InProcessSystem) -> None:
    admin = system.admin()
    await notify(system, system.admin_id, 1, 2)
    async with Listener(admin) as listener:
        assert (await listener.next())["unread"] == 2
        assert await asked(admin, "POST", "/read") == {"unread": 0}
        frame = await listener.next()
    assert (frame["type"], frame["ids"], frame["unread"]) == ("read", None, 0)
    assert await listed(admin, "?unread=true") == []


async def test_a_client_that_comes_back_is_told_what_it_missed(system: InProcessSystem) -> None:
    """Those that are new, and those that were read elsewhere; then it is where it should be."""
    admin = system.admin()
    async with Listener(admin) as listener:
        await listener.next()
        await notify(system, system.admin_id, 1)
        first = (await listener.next())["notification"]
    await notify(system, system.admin_id, 2)
    await asked(admin, "POST", f"/{first['id']}/read")
    await listener.connect()
    assert await listener.next() == {"type": "unread", "unread": 1, "position": 1}
    told = [await listener.next() for _ in range(3)]
    assert [frame.get("notification", {}).get("text") for frame in told] == ["n1", "n2", None]
    assert told[0]["notification"]["read_at"] is not None
    assert told[2] == {"type": "unread", "unread": 1, "position": 3}
    await notify(system, system.admin_id, 3)
    assert (await listener.next())["notification"]["text"] == "n3"
    await listener.socket.close()


async def restarted_host(system: InProcessSystem) -> None:
    assert system.host is not None
    await system.host.host.abandon()  # type: ignore[attr-defined]
    system.host = await build_host(system.settings, "host")
    await system.host.start()


async def restarted_router(system: InProcessSystem) -> None:
    assert system.router is not None
    await system.router.stop()
    system.router = await build_router(system.settings, "router")
    await system.router.start()


@pytest.mark.parametrize("restarted", [restarted_host, restarted_router])
async def test_a_listener_loses_none_when_something_behind_the_front_door_dies(
    system: InProcessSystem, restarted: Any
) -> None:
    """It stays connected, and hears each once and in order."""
    async with Listener(system.admin()) as listener:
        await listener.next()
        await notify(system, system.admin_id, 1)
        await restarted(system)
        await notify(system, system.admin_id, 2)
        await restarted(system)
        await notify(system, system.admin_id, 3)
        told: list[str] = []
        while "n3" not in told:
            told.append((await listener.until("notification"))["notification"]["text"])
    assert told == ["n1", "n2", "n3"]


async def test_a_listener_loses_none_when_its_front_door_dies(system: InProcessSystem) -> None:
    admin = system.admin()
    async with Listener(admin) as listener:
        await listener.next()
        await notify(system, system.admin_id, 1)
        await listener.next()
        assert system.front_door is not None
        await system.front_door.stop()
        system.events.clear()
        await system.start_front_door()
        await system.told("ready")
        await notify(system, system.admin_id, 2)
        await listener.socket.close()
        await listener.connect()
        assert (await listener.until("notification"))["notification"]["text"] == "n2"


async def test_an_answer_that_nobody_watched_is_told(
    system: InProcessSystem, upstream: Upstream
) -> None:
    """And one that somebody did is not."""
    await system.connect_model(upstream.base_url)
    admin = system.admin()
    upstream.script("ok", "gate")
    watched, left = str(uuid.uuid4()), str(uuid.uuid4())
    async with ChatClient(admin, watched) as client:
        await client.say("watched")
        await client.until("done")
    async with ChatClient(admin, left) as client:
        await client.say("What is left behind?")
        await client.until("delta")
    async with Listener(admin) as listener:
        await listener.next()
        upstream.release()
        one = (await listener.until("notification"))["notification"]
    assert (one["kind"], one["text"]) == ("answer_ready", "What is left behind?")
    assert one["link"] == f"/#{left}"
    assert await listed(admin) == [one]


@pytest.fixture
async def watchful(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[InProcessSystem]:
    """A system that looks for dead letters all the time."""
    monkeypatch.setattr(dead_letter_watch, "EVERY_S", 0.2)
    monkeypatch.setattr(dead_letter_watch, "SETTLED_MS", 0)
    async with InProcessSystem(tmp_path) as running:
        yield running


async def test_administrators_hear_of_dead_letters(watchful: InProcessSystem) -> None:
    bea = await watchful.new_user("bea")
    admin = watchful.admin()
    number = int(time.time() * 1000) - 1_700_000_000_000 + 500
    letter = set_aside(watchful, number, 5)
    (one,) = await eventually(admin, 1)
    assert one["title"] == "Messages were set aside: 1"
    assert one["text"].startswith(f"The first was Add for counter/{watchful.admin_id}:a (poisoned)")
    assert await listed(bea) == []
    async with admin.get(f"/api/system/dead-letters/{letter}") as response:
        assert response.status == 200


async def test_they_are_exported_and_go_with_their_account(system: InProcessSystem) -> None:
    bea = await system.new_user("bea")
    async with bea.get("/api/users/me") as response:
        bea_id = (await response.json())["id"]
    await notify(system, bea_id, *range(3))
    await eventually(bea, 3)
    async with bea.get("/api/users/me/export") as response:
        exported = (await response.json())["notifications"]
    assert sorted(one["text"] for one in exported) == ["n0", "n1", "n2"]
    body = {"password": "password of bea"}
    async with bea.delete("/api/users/me", json=body) as response:
        assert response.status == 200, await response.text()
    assert system.host is not None
    store = system.host.host.store  # type: ignore[attr-defined]
    async with asyncio.timeout(WAIT_S):
        while store.find(NotificationRow.__table__, {}):
            await asyncio.sleep(0.02)


async def test_what_a_client_says_is_refused_and_too_much_of_it_ends_the_socket(
    system: InProcessSystem,
) -> None:
    async with system.admin().ws_connect("/ws/notifications") as socket:
        await socket.receive_json()
        for _ in range(20):
            await socket.send_str("{}")
        async with asyncio.timeout(WAIT_S):
            frames = [message async for message in socket]
    assert [frame.json()["code"] for frame in frames] == ["invalid"] * 20
    assert socket.close_code == 1008
