"""A front door that dies after the commit and before the outcome is kept: every keyed route."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from tests.integration.test_dead_letters import set_aside
from tests.support.by_hand import request_by_hand
from tests.support.keyed_requests import HeldBack, outcome_of, settled
from tests.support.system import ADMIN_PASSWORD, InProcessSystem
from tests.support.upstream import Upstream
from web.front_door import FrontDoor
from web.routes import PUBLIC, Route

PROVIDERS = "/api/cognisys/providers"
MODELS = "/api/cognisys/models"
CONVERSATIONS = "/api/chat/conversations"
LETTERS = "/api/system/dead-letters"
USERS = "/api/users"
ROLES = "/api/roles"
PREFERENCE = "/api/arcana/llm/preferences"


class World:
    """What there is before the request, and what becomes of it while no front door is there."""

    def __init__(self, system: InProcessSystem, upstream: Upstream) -> None:
        self.system, self.upstream = system, upstream
        self.provider = self.model = ""

    async def model_made(self) -> str:
        self.model = await self.system.connect_model(self.upstream.base_url)
        (provider,) = await self.asked("GET", PROVIDERS)
        self.provider = provider["id"]
        return self.model

    async def provider_made(self) -> str:
        await self.model_made()
        return self.provider

    async def conversation_made(self) -> str:
        return str((await self.asked("POST", CONVERSATIONS, {}))["id"])

    async def letter_made(self) -> str:
        return set_aside(self.system, 1, 5)

    async def user_made(self) -> str:
        body = {"username": "ann", "password": "password of ann", "roles": ["member"]}
        return str((await self.asked("POST", USERS, body))["id"])

    async def user_disabled(self) -> str:
        user_id = await self.user_made()
        await self.asked("POST", f"{USERS}/{user_id}/disable")
        return user_id

    async def role_made(self) -> str:
        return str((await self.asked("POST", ROLES, {"name": "rr", "permissions": []}))["id"])

    async def nothing_made(self) -> str:
        return ""

    async def provider_gone(self) -> None:
        """With its models, under another name first."""
        (provider,) = await self.asked("GET", PROVIDERS)
        path = f"{PROVIDERS}/{provider['id']}"
        await self.asked("PUT", path, {"name": "other"})
        await self.asked("DELETE", path)

    async def all_gone(self) -> None:
        for path in (PROVIDERS, CONVERSATIONS):
            for found in await self.asked("GET", path):
                await self.asked("DELETE", f"{path}/{found['id']}")

    async def user_gone(self) -> None:
        for user in await self.asked("GET", USERS):
            if user["id"] != self.system.admin_id:
                await self.asked("DELETE", f"{USERS}/{user['id']}")

    async def role_gone(self) -> None:
        for role in await self.asked("GET", ROLES):
            if role["name"] in ("rr", "ss"):
                await self.asked("DELETE", f"{ROLES}/{role['id']}")

    async def nothing_gone(self) -> None:
        pass

    async def asked(self, method: str, path: str, body: Any = None) -> Any:
        async with self.system.admin().request(method, path, json=body) as response:
            assert response.status in (200, 201), await response.text()
            return await response.json()


@dataclass
class Case:
    """A keyed request; ``{}`` in its path and body is what ``made`` has returned.

    Attributes:
        version: How often it has made its caller's tokens worthless; its repeat has a new one.
    """

    method: str
    route: str
    body: Mapping[str, Any] | None = None
    made: Callable[[World], Awaitable[str]] = World.nothing_made
    gone: Callable[[World], Awaitable[None]] = World.all_gone
    version: int = 0


LEAVES = {("DELETE", "/api/users/me")}
"""Nobody can sign in as its caller afterwards, so nobody can repeat it."""
ADDRESS = "http://127.0.0.1:9/v1"
CASES = [
    Case("POST", PROVIDERS, {"name": "one", "base_url": ADDRESS}),
    Case("PUT", PROVIDERS + "/{id}", {"name": "two"}, World.provider_made, World.provider_gone),
    Case("DELETE", PROVIDERS + "/{id}", None, World.provider_made),
    Case(
        "POST",
        MODELS,
        {"provider_id": "{}", "model_name": "small"},
        World.provider_made,
        World.provider_gone,
    ),
    Case("PUT", MODELS + "/{id}", {"role": "fast"}, World.model_made, World.provider_gone),
    Case("DELETE", MODELS + "/{id}", None, World.model_made, World.provider_gone),
    Case("PUT", PREFERENCE, {"temperature": 0.1}),
    Case("POST", CONVERSATIONS, {"title": "t"}),
    Case("DELETE", CONVERSATIONS + "/{id}", None, World.conversation_made),
    Case(
        "POST",
        USERS,
        {"username": "bea", "password": "long enough", "roles": ["member"]},
        gone=World.user_gone,
    ),
    Case("POST", USERS + "/invite", {"email": "bea@example.org", "roles": ["member"]}),
    Case("PUT", USERS + "/me", {"username": "boss"}),
    Case(
        "POST",
        USERS + "/me/password",
        {"old_password": ADMIN_PASSWORD, "new_password": "another long one"},
        gone=World.nothing_gone,
        version=1,
    ),
    Case("DELETE", USERS + "/{id}", None, World.user_made),
    Case("PUT", USERS + "/{id}/roles", {"roles": ["viewer"]}, World.user_made, World.user_gone),
    Case(
        "PUT",
        USERS + "/{id}/password",
        {"password": "another long one"},
        World.user_made,
        World.user_gone,
    ),
    Case("POST", USERS + "/{id}/disable", None, World.user_made, World.user_gone),
    Case("POST", USERS + "/{id}/enable", None, World.user_disabled, World.user_gone),
    Case("POST", ROLES, {"name": "ss", "permissions": []}, gone=World.role_gone),
    Case("PUT", ROLES + "/{id}", {"name": "ss"}, World.role_made, World.role_gone),
    Case("DELETE", ROLES + "/{id}", None, World.role_made),
    Case("POST", LETTERS + "/{id}/redrive", None, World.letter_made),
    Case("DELETE", LETTERS + "/{id}", None, World.letter_made),
    Case("POST", "/api/chat", {"message": "one two"}, World.model_made, World.provider_gone),
]


async def killed(system: InProcessSystem) -> None:
    """End the front door as a killed process would: nothing that it had begun goes on."""
    door = system.front_door
    assert isinstance(door, FrontDoor)
    await door._bus.cut()  # type: ignore[attr-defined]
    await door._lasting.finish(0.0)
    await door.stop()


def changing(route: Route) -> bool:
    return route.method not in ("GET", "HEAD") and route.permission != PUBLIC


async def test_every_keyed_route_is_tried(system: InProcessSystem) -> None:
    """A route that makes one ask, to the entity its path names, needs no outcome kept."""
    routes = system.gate._access.values()
    served = {(r.method, r.path) for r in routes if changing(r) and not r.one_ask}
    assert served == {(case.method, case.route) for case in CASES} | LEAVES


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.method} {case.route}")
async def test_the_repeat_gives_the_first_outcome(
    system: InProcessSystem, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    """Though what it was about is gone by then, or has another name."""
    world = World(system, upstream)
    made = await case.made(world)
    path = case.route.replace("{id}", made)
    body = case.body and {k: made if v == "{}" else v for k, v in case.body.items()}
    with monkeypatch.context() as patched:
        held = HeldBack(patched, "KeepOutcome", replied=False)
        first = await request_by_hand(system, case.method, path, body, Idempotency_Key="k")
        await held.reached.wait()
        await killed(system)
        with first, contextlib.suppress(ConnectionError):
            assert await asyncio.get_running_loop().sock_recv(first, 1) == b""
    (lost,) = held.held
    outcome = (lost.outcome.status, orjson.loads(lost.outcome.body))
    system.events.clear()
    await system.start_front_door()
    await system.told("ready")
    await case.gone(world)
    again = system.client(system.tokens.issue_access(system.admin_id, case.version))
    assert await settled(again, case.method, path, "k", body) == outcome
    assert await outcome_of(again, case.method, path, "k", body) == outcome
    assert len(upstream.requests) <= 1


async def test_a_door_that_found_something_else_is_second(
    system: InProcessSystem, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two doors serve one key, and the provider gets another name between their reads."""
    world = World(system, upstream)
    path = f"{MODELS}/{await world.model_made()}"
    with monkeypatch.context() as patched:
        held = HeldBack(patched, "KeepFound", replied=False)
        slow = asyncio.create_task(outcome_of(system.admin(), "PUT", path, "k", {"role": "fast"}))
        await held.reached.wait()
        (mine,), (ask,) = held.held, held.asks
        theirs = mine.found.replace(b"upstream", b"UPSTREAM")
        assert await ask(type(mine)(theirs)) == theirs
        held.open.set()
        status, problem = await slow
    assert (status, problem["type"]) == (409, "urn:vareon:error:still_running")
    status, model = await settled(system.admin(), "PUT", path, "k", {"role": "fast"})
    assert (status, model["provider"]["name"][:8]) == (200, "UPSTREAM")
