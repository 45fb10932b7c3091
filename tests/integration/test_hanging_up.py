"""A client that hangs up is waited for by nobody: at the front door, the router and the host."""

from __future__ import annotations

import asyncio
import gc
import socket
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.by_hand import request_by_hand, socket_by_hand
from tests.support.chat_client import ChatClient
from tests.support.keyed_requests import HeldBack, outcome_of, settled
from tests.support.patient import Patient
from tests.support.system import InProcessSystem
from tests.support.upstream import Upstream
from vareon_runtime.hosting.bootstrap import HostService
from vareon_runtime.hosting.host import Host
from vareon_runtime.identity import EntityId
from vareon_runtime.routing.bootstrap import RouterService
from vareon_runtime.routing.client import LinkBus
from web.front_door import FrontDoor

PATIENT = "/api/entities/patient/p/"
PROVIDERS = "/api/cognisys/providers"
EVENTS = {"Accept": "text/event-stream"}


class Inside:
    """What the three processes hold."""

    def __init__(self, system: InProcessSystem) -> None:
        assert isinstance(system.host, HostService)
        assert isinstance(system.router, RouterService)
        assert isinstance(system.front_door, FrontDoor)
        self.host: Host = system.host.host
        self.router = system.router.router
        self.door = system.front_door
        bus = self.door._bus
        assert isinstance(bus, LinkBus)
        self.bus = bus
        self.admission = system.gate._admission
        self.patient = EntityId("patient", f"{system.admin_id}:p")

    def held(self) -> dict[str, int]:
        """Everything that a request takes and must give back."""
        return {
            "let in": self.admission._short.total + self.admission._waiting.total,
            "lasting": len(self.door._lasting),
            "sockets": self.door.status()["sockets"],
            "asks": len(self.bus._asks),
            "streams": len(self.bus._streams),
            "pending": self.router.status()["pending"],
            "in flight": sum(peer.in_flight for peer in self.router._peers.values()),
            "shares": sum(peer.shares.total for peer in self.router._peers.values()),
            "readers": self.host.status()["subscribers"],
        }

    def callers(self) -> int:
        """Open connections of clients."""
        server = self.door._runner.server
        assert server is not None
        return sum(protocol.transport is not None for protocol in server.connections)

    def waiting(self) -> int:
        """Messages in the patient's mailbox."""
        return len(self.host.catalog.get(self.patient).mailbox or ())


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0)


async def nothing_held(inside: Inside) -> None:
    """Within moments, or the test says what is."""
    try:
        await until(lambda: not any(inside.held().values()))
    except TimeoutError:
        pytest.fail(f"still held: {inside.held()}")


async def test_the_host_hears_of_it_and_does_not_begin(system: InProcessSystem) -> None:
    """A query is dropped; a command that has reached its entity is done all the same."""
    inside, admin = Inside(system), system.admin()
    holding = asyncio.create_task(outcome_of(admin, "POST", PATIENT + "Hold", "h", {"by": 1}))
    await Patient.reached.wait()
    query = await request_by_hand(system, "GET", PATIENT + "GetAsked")
    command = await request_by_hand(system, "POST", PATIENT + "Hold", {"by": 10})
    await until(lambda: inside.waiting() == 2)
    query.close()
    command.close()
    await until(lambda: len(inside.host.hung_up) == 2)
    assert inside.held()["asks"] == inside.held()["let in"] == 1, "only who waits"
    Patient.go.set()
    assert await holding == (200, 1)
    await nothing_held(inside)
    assert Patient.queries == 0
    async with admin.get(PATIENT + "GetAsked") as response:
        assert await response.json() == 11


@pytest.mark.parametrize("name", ["Hold", "Wait"])
async def test_one_ask_under_a_key_is_answered_to_its_repeat(
    system: InProcessSystem, name: str
) -> None:
    """Whether its turn waits or what the turn began; meanwhile the repeat hears that it runs."""
    inside, admin, path = Inside(system), system.admin(), PATIENT + name
    first = await request_by_hand(system, "POST", path, {"by": 3}, Idempotency_Key="k")
    await Patient.reached.wait()
    first.close()
    await until(lambda: len(inside.host.hung_up) == 1)
    assert (await outcome_of(admin, "POST", path, "k", {"by": 3}))[0] == 409
    Patient.go.set()
    assert await settled(admin, "POST", path, "k", {"by": 3}) == (200, 3)
    assert (await outcome_of(admin, "POST", path, "k", {"by": 4}))[0] == 422
    await nothing_held(inside)


@pytest.mark.parametrize(
    ("at", "replied"),
    [
        ("BeginKeyed", False),
        ("BeginKeyed", True),
        ("CreateProvider", False),
        ("CreateProvider", True),
        ("KeepOutcome", False),
        ("KeepOutcome", True),
    ],
)
async def test_an_outcome_is_kept_wherever_its_client_leaves(
    system: InProcessSystem, monkeypatch: pytest.MonkeyPatch, at: str, replied: bool
) -> None:
    """The request holds its place to its end, and its repeat is answered from what was kept."""
    inside, admin = Inside(system), system.admin()
    gate = HeldBack(monkeypatch, at, replied=replied)
    body = {"name": "one", "base_url": "http://127.0.0.1:9/v1"}
    first = await request_by_hand(system, "POST", PROVIDERS, body, Idempotency_Key="k")
    await gate.reached.wait()
    first.close()
    await until(lambda: inside.callers() == 0)
    assert inside.held()["let in"] == inside.held()["lasting"] == 1
    gate.open.set()
    await nothing_held(inside)
    assert gate.asked == ["BeginKeyed", "CreateProvider", "KeepOutcome"]
    status, made = await outcome_of(admin, "POST", PROVIDERS, "k", body)
    assert gate.asked[3:] == ["BeginKeyed", "KeepOutcome"], "what was kept, not made again"
    async with admin.get(PROVIDERS) as response:
        assert (status, [made]) == (201, await response.json())
    await nothing_held(inside)


async def test_a_door_that_leaves_waits_for_what_has_no_client(
    system: InProcessSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a moment: then it goes, and the next door goes on with it."""
    inside, gate = Inside(system), HeldBack(monkeypatch, "KeepOutcome", replied=False)
    body = {"name": "one", "base_url": "http://127.0.0.1:9/v1"}
    first = await request_by_hand(system, "POST", PROVIDERS, body, Idempotency_Key="k")
    await gate.reached.wait()
    first.close()
    await inside.door.stop()
    assert len(inside.door._lasting) == 0
    gate.open.set()
    await system.start_front_door()
    assert (await settled(system.admin(), "POST", PROVIDERS, "k", body))[0] == 201


@pytest.mark.parametrize("headers", [{}, EVENTS], ids=["whole", "events"])
@pytest.mark.parametrize("key", ["", "k"], ids=["", "keyed"])
async def test_an_answer_is_written_though_nobody_reads_it(
    system: InProcessSystem, upstream: Upstream, headers: dict[str, str], key: str
) -> None:
    """The wait ends at once in all three processes; the turn goes on and is in the history."""
    await system.connect_model(upstream.base_url)
    inside, admin, body = Inside(system), system.admin(), {"message": "one two"}
    upstream.script("gate")
    keyed = {"Idempotency_Key": key} if key else {}
    first = await request_by_hand(system, "POST", "/api/chat", body, **headers, **keyed)
    await upstream.received(1)
    await until(lambda: inside.held()["readers"] == 1)
    first.close()
    await nothing_held(inside)
    if key:
        assert (await outcome_of(admin, "POST", "/api/chat", key, body))[0] == 409
    upstream.release()
    if key:
        told = await settled(admin, "POST", "/api/chat", key, body)
        assert told[0] == 200
        assert await outcome_of(admin, "POST", "/api/chat", key, body) == told
    async with admin.get("/api/chat/conversations") as response:
        (conversation,) = await response.json()
    path = f"/api/chat/history/{conversation['id']}"
    async with asyncio.timeout(20):
        while True:
            async with admin.get(path) as response:
                if len(await response.json()) == 2:
                    break
    assert len(upstream.requests) == 1
    await nothing_held(inside)


async def test_a_socket_ends_what_it_is_at(
    system: InProcessSystem, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its neighbours learn from it that the conversation has begun."""
    await system.connect_model(upstream.base_url)
    inside, gate = Inside(system), HeldBack(monkeypatch, "PostMessage", replied=True)
    conversation = str(uuid.uuid4())
    async with ChatClient(system.admin(), conversation) as neighbour:
        leaving = ChatClient(system.admin(), conversation)
        async with leaving:
            await leaving.say("hello")
            await gate.reached.wait()
            open_before = inside.callers()
            connection: Any = leaving.socket.get_extra_info("socket")
            connection.shutdown(socket.SHUT_RDWR)
            await until(lambda: inside.callers() == open_before - 1)
            gate.open.set()
            await neighbour.until("done")
    await nothing_held(inside)


async def test_nothing_is_left_of_many(system: InProcessSystem, upstream: Upstream) -> None:
    """Neither tasks nor file descriptors, of requests of every sort."""
    await system.connect_model(upstream.base_url)
    inside = Inside(system)

    async def hang_up(number: int) -> None:
        path = f"/ws/chat/{uuid.uuid4()}"
        message = {"message": "a b"}
        provider = {"name": f"p{number}", "base_url": "http://127.0.0.1:9/v1"}
        begun = [
            await request_by_hand(system, "GET", PROVIDERS),
            await request_by_hand(system, "GET", PATIENT + "GetAsked"),
            await request_by_hand(system, "POST", PATIENT + "Hold", {}),
            await request_by_hand(system, "POST", PROVIDERS, provider, Idempotency_Key="k"),
            await request_by_hand(system, "POST", "/api/chat", message, **EVENTS),
            await request_by_hand(system, "POST", "/api/chat", message),
            await socket_by_hand(system, path),
        ]
        for turns in range(number % 7):
            await asyncio.sleep(0.001 * turns)
        for connection in begun:
            connection.close()

    Patient.go.set()
    await hang_up(0)
    await nothing_held(inside)
    await until(lambda: inside.host.status()["effects_running"] == 0)
    tasks, files = len(asyncio.all_tasks()), open_files()
    for number in range(1, 25):
        await hang_up(number)
    await nothing_held(inside)
    await until(lambda: inside.host.status()["effects_running"] == 0)
    await until(lambda: len(asyncio.all_tasks()) <= tasks)
    gc.collect()
    assert open_files() <= files + READERS_FILES


def open_files() -> int:
    """File descriptors of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))


READERS_FILES = 9
"""Three more connections to the database, of three files each, may have been opened meanwhile."""
