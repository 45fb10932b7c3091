"""Every route times everybody who may knock: the outcome is the one that its declaration says.

The routes are those that the front door really serves, so a new one is in here by itself. One with
a parameter in its path must be named below: either what it names has an owner, and is then tried as
somebody else's, or it is shared by all who hold the permission.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import sqlite3
import uuid
from collections.abc import Iterable
from typing import Any

import aiohttp

from tests.support.clocks import ManualClock
from tests.support.system import InProcessSystem
from web.routes import PUBLIC
from web.services import policy
from web.services.tokens import Tokens

NOBODY = "0198c0de-0000-7000-8000-0000000000ff"
EPOCH = "2026-01-01T00:00:00.000000Z"
PARAMETER = re.compile(r"\{[a-z_]+\}")

OWNED = {
    "/api/chat/conversations/{id}",
    "/api/chat/history/{id}",
    "/ws/chat/{conversation_id}",
}
"""Paths that name something with an owner, in each case a conversation."""
NOTIFICATIONS = {"/api/notifications/{id}", "/api/notifications/{id}/read"}
PRIVATE = {"/api/keys/{id}", "/api/sessions/{id}"} | NOTIFICATIONS
"""Paths that name something which is nobody's but its owner's, administrators included."""
SHARED = {
    "/api/users/{id}",
    "/api/users/{id}/roles",
    "/api/users/{id}/password",
    "/api/users/{id}/disable",
    "/api/users/{id}/enable",
    "/api/roles/{id}",
    "/api/system/dead-letters/{id}",
    "/api/system/dead-letters/{id}/redrive",
    "/api/system/mail/{id}",
    "/api/cognisys/providers/{id}",
    "/api/cognisys/models/{id}",
    "/api/entities/{kind}/{key}/{message}",
    "/api/system/entities/{kind}/{key}",
    "/api/system/messages/{id}",
    "/api/system/traces/{id}",
}
"""Paths that name what all share who hold the permission, or, for entities, one's own by name."""

EVEN = sorted(policy.PERMISSIONS)[::2]
ODD = sorted(policy.PERMISSIONS)[1::2]
MADE = {"even": EVEN, "odd": ODD}
ROLES = {**{name: sorted(held) for name, held in policy.ROLES.items()}, **MADE}


class Accounts:
    """Accounts made for one request each, as rows: no request can spoil another's."""

    def __init__(self, system: InProcessSystem) -> None:
        self._system = system
        self._numbers = itertools.count(1)
        self._made: dict[str, str] = {}

    def write(self, roles: Iterable[str]) -> list[str]:
        """Tokens of new accounts, each with one role."""
        accounts = [(f"0198c0de-0000-7000-9000-{next(self._numbers):012x}", r) for r in roles]
        connection = sqlite3.connect(self._system.data_dir / "vareon.db", timeout=10)
        with connection:
            connection.executemany(
                "INSERT INTO users (id, username, hashed_password, is_active, is_verified,"
                " token_version, created_at, updated_at) VALUES (?, ?, 'x', 1, 1, 0, ?, ?)",
                [(user_id, user_id, EPOCH, EPOCH) for user_id, _ in accounts],
            )
            connection.executemany(
                "INSERT INTO user_roles (user_id, role) VALUES (?, ?)",
                [(user_id, f"role-{role}" if role in MADE else role) for user_id, role in accounts],
            )
        connection.close()
        return [self._system.tokens.issue_access(user_id) for user_id, _ in accounts]

    def write_roles(self) -> None:
        """The roles that are made here."""
        connection = sqlite3.connect(self._system.data_dir / "vareon.db", timeout=10)
        with connection:
            for name, permissions in MADE.items():
                connection.execute(
                    "INSERT INTO roles VALUES (?, ?, '', ?, ?)",
                    (f"role-{name}", name, EPOCH, EPOCH),
                )
                connection.executemany(
                    "INSERT INTO role_permissions VALUES (?, ?)",
                    [(f"role-{name}", permission) for permission in permissions],
                )
        connection.close()


def named(path: str, what: str = NOBODY) -> str:
    return PARAMETER.sub(what, path)


async def status_of(
    client: aiohttp.ClientSession, method: str, path: str, token: str | None = None
) -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with client.request(method, path, headers=headers) as response:
        return response.status


def is_let_in(status: int) -> bool:
    """Whatever a handler or a body's check says; nobody was refused and nothing broke."""
    return status not in (401, 403) and status < 500


async def test_nobody_gets_further_than_the_declaration_says(system: InProcessSystem) -> None:
    """Anonymous, expired, and every role, built in or made here, on every route."""
    routes = system.routes()
    assert len(routes) > 40
    accounts, client, surprises = Accounts(system), system.client(), []
    accounts.write_roles()
    tokens = accounts.write(role for _ in routes for role in ROLES)
    waiting = iter(tokens)
    expired = Tokens(system.settings.jwt_key_file.read_bytes(), ManualClock()).issue_access(
        system.admin_id
    )
    for route in routes:
        path = named(route.path)
        for who, token in (("anonymous", None), ("expired", expired), ("forged", "x.y.z")):
            status = await status_of(client, route.method, path, token)
            expected = is_let_in(status) if route.permission == PUBLIC else status == 401
            if not expected:
                surprises.append((route.method, route.path, who, status))
        for role, permissions in ROLES.items():
            status = await status_of(client, route.method, path, next(waiting))
            allowed = route.permission == PUBLIC or route.permission in permissions
            if not (is_let_in(status) if allowed else status == 403):
                surprises.append((route.method, route.path, role, status))
    assert surprises == []


async def test_the_other_form_of_an_address_is_guarded_alike(system: InProcessSystem) -> None:
    client = system.client()
    for route in system.routes():
        if route.permission != PUBLIC:
            path = named(route.path) + "/"
            assert await status_of(client, route.method, path) == 401, route


async def test_somebody_elses_object_does_not_exist(system: InProcessSystem) -> None:
    """For whoever holds the permission but does not own it; whoever may see others' finds it."""
    routes = [route for route in system.routes() if PARAMETER.search(route.path)]
    unnamed = {route.path for route in routes} - OWNED - PRIVATE - SHARED
    assert not unnamed, f"say in OWNED, PRIVATE or SHARED whose these are: {unnamed}"
    ann, bob = await system.new_user("ann"), await system.new_user("bob")
    surprises = []
    for route in routes:
        if route.path in SHARED:
            continue
        finds = {"bob": False, "ann": True, "admin": route.path in OWNED}
        for who, client in (("bob", bob), ("ann", ann), ("admin", system.admin())):
            path = named(route.path, await owned(system, ann, route.path))
            tried = shown_by_socket if route.long_lived else is_found
            if await tried(client, route.method, path) != finds[who]:
                surprises.append((route.method, route.path, who))
    assert surprises == []


async def owned(system: InProcessSystem, ann: aiohttp.ClientSession, path: str) -> str:
    """Something new of ann's that such a path names; its id."""
    if path == "/api/keys/{id}":
        async with ann.post("/api/keys", json={"name": "mine"}) as response:
            return str((await response.json())["id"])
    if path == "/api/sessions/{id}":
        await system.token("ann", "password of ann")
        async with ann.get("/api/sessions") as response:
            return str((await response.json())[0]["id"])
    if path in NOTIFICATIONS:
        return await notified(ann)
    return await begun(ann)


async def notified(client: aiohttp.ClientSession) -> str:
    """Their newest notification, of a key that they make; its id."""
    name = str(uuid.uuid4())
    async with client.post("/api/keys", json={"name": name}) as response:
        assert response.status == 201, await response.text()
    async with asyncio.timeout(10):
        while True:
            async with client.get("/api/notifications?limit=1") as response:
                found = await response.json()
            if found and name in found[0]["text"]:
                return str(found[0]["id"])
            await asyncio.sleep(0.01)


async def begun(client: aiohttp.ClientSession) -> str:
    """A new conversation with something said in it; its id."""
    async with client.post("/api/chat", json={"message": "hello"}) as response:
        assert response.status == 200, await response.text()
        return str((await response.json())["conversation_id"])


async def is_found(client: aiohttp.ClientSession, method: str, path: str) -> bool:
    status = await status_of(client, method, path)
    assert status == 404 or is_let_in(status), (method, path, status)
    return status != 404


async def shown_by_socket(client: aiohttp.ClientSession, method: str, path: str) -> bool:
    """Whether the socket answers instead of closing as for what does not exist."""
    async with client.ws_connect(path) as socket:
        await socket.send_json({"type": "message", "content": "hello"})
        message = await socket.receive(timeout=10)
        assert message.type is aiohttp.WSMsgType.TEXT or socket.close_code == 4404, message
        return message.type is aiohttp.WSMsgType.TEXT


async def test_entities_of_ones_own_are_nobody_elses(system: InProcessSystem) -> None:
    """Two users' entities of one key are two."""
    totals: list[Any] = []
    for name in ("ann", "bob"):
        user = await system.new_user(name)
        async with user.post("/api/entities/counter/mine/Add", json={"amount": 2}) as response:
            totals.append(await response.json())
    assert totals[0] == totals[1]
