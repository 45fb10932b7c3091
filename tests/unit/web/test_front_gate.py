"""The middleware: statuses, the starting gate, permissions, headers; over a fake bus."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web as aiohttp_web

from tests.unit.web.fake_bus import FakeBus, FakeRows, FakeSystem, user_row
from vareon_runtime import errors
from vareon_runtime.errors import ConfigurationError, VareonError
from web.app import build_app
from web.middleware import STATUS
from web.routes import Route

COUNTER = "/api/entities/counter/mine/Add"


def raising(error: BaseException) -> FakeBus:
    def fail() -> Any:
        raise error

    return FakeBus(fail)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.InvalidMessage, 422),
        (errors.NotFound, 404),
        (errors.Conflict, 409),
        (errors.IdReused, 422),
        (errors.StillRunning, 409),
        (errors.NotAuthenticated, 401),
        (errors.NotPermitted, 403),
        (errors.QuotaExceeded, 429),
        (errors.Overloaded, 503),
        (errors.Unavailable, 503),
        (errors.StaleOwner, 503),
        (errors.StoreFailed, 503),
        (errors.DeadlineExceeded, 504),
        (errors.UpstreamUnreachable, 502),
        (errors.UpstreamRejected, 502),
        (errors.UpstreamIncomplete, 502),
        (errors.UpstreamInvalid, 502),
        (errors.UpstreamRateLimited, 429),
        (errors.UpstreamTimeout, 504),
        (errors.Cancelled, 409),
        (errors.InternalError, 500),
    ],
)
async def test_each_error_has_its_status(
    aiohttp_client: Any, kind: type[VareonError], status: int
) -> None:
    """As problem JSON with a request id, and with the headers that belong to the status."""
    system = FakeSystem(raising(kind("It did not work.", 2.2)))
    client = await aiohttp_client(system.app)
    headers = {**system.bearer, "X-Request-Id": "mine-1"}
    spread = kind in (errors.QuotaExceeded, errors.Overloaded)
    async with client.post(COUNTER, json={}, headers=headers) as response:
        body = await response.json()
        assert (response.status, response.content_type) == (status, "application/problem+json")
        assert body["type"] == f"urn:vareon:error:{kind.code}"
        assert body["status"] == status
        assert body["detail"] == "It did not work."
        assert body["request_id"] == response.headers["X-Request-Id"] == "mine-1"
        waits = [] if status not in (429, 503) else range(3, 31) if spread else [3]
        assert response.headers.get("Retry-After") in [*map(str, waits)] or not waits
        assert ("WWW-Authenticate" in response.headers) == (status == 401)


def test_every_error_of_the_engine_is_in_the_table() -> None:
    """Those that mean a fault of ours are a 500."""
    ours = {"error", "configuration", "internal"}
    engine = {"vareon_runtime.errors"}
    codes = {code for code, kind in errors.BY_CODE.items() if kind.__module__ in engine}
    assert codes - ours <= set(STATUS)


async def test_something_unforeseen_is_a_500_that_tells_nothing(aiohttp_client: Any) -> None:
    """Neither the error's text nor its trace leaves the process."""
    system = FakeSystem(raising(RuntimeError("secret")))
    client = await aiohttp_client(system.app)
    async with client.post(COUNTER, json={}, headers=system.bearer) as response:
        assert response.status == 500
        assert "secret" not in await response.text()


async def test_only_livez_answers_while_starting(aiohttp_client: Any) -> None:
    """Everything else, known or not, is a 503 that says when to try again."""
    system = FakeSystem(ready=False)
    client = await aiohttp_client(system.app)
    async with client.get("/livez") as response:
        assert response.status == 200
    for path in ("/readyz", "/health", "/api/users/me", "/nowhere"):
        async with client.get(path, headers=system.bearer) as response:
            assert response.status == 503
            assert response.headers["Retry-After"] == "1"
            assert (await response.json())["type"] == "urn:vareon:error:starting"
    system.readiness.open = True
    async with client.get("/readyz") as response:
        assert response.status == 200


async def test_the_entity_route_passes_bytes_on(aiohttp_client: Any) -> None:
    """Undecoded, under the user's own key, with an id derived from the caller's own."""
    system = FakeSystem(FakeBus(lambda: b'{"count":1}'))
    client = await aiohttp_client(system.app)
    headers = {**system.bearer, "Idempotency-Key": "abc"}
    for _ in range(2):
        async with client.post(COUNTER + "/", data=b'{ "by": 1 }', headers=headers) as response:
            assert await response.json() == {"count": 1}
            assert response.content_type == "application/json"
    first, second = system.bus.asked
    assert first == second
    target, name, body, principal, message_id = first
    assert (str(target), name, body) == ("counter/user-1:mine", "Add", b'{ "by": 1 }')
    assert principal.user_id == "user-1"
    assert message_id is not None
    assert system.rows.selects == 1, "the caller is remembered between requests"


async def test_queries_take_parameters_and_commands_are_not_read_only(aiohttp_client: Any) -> None:
    """GET never changes anything."""
    system = FakeSystem()
    client = await aiohttp_client(system.app)
    path = "/api/entities/counter/mine/GetCount?deep=true&name=x"
    async with client.get(path, headers=system.bearer) as response:
        assert response.status == 200
    assert system.bus.asked[0][2] == b'{"deep":true,"name":"x"}'
    async with client.get(COUNTER, headers=system.bearer) as response:
        assert response.status == 405


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/entities/Counter/mine/Add", 422),
        ("/api/entities/counter/" + "x" * 300 + "/Add", 422),
        ("/api/entities/counter/%00/Add", 422),
        ("/api/entities/counter/mine/Add%20this", 422),
        ("/api/entities/counter/mine", 404),
        ("/api/nowhere", 404),
        ("/v1/nowhere", 404),
        ("/ws/nowhere", 404),
        ("/ws-api/nowhere", 404),
        ("/../../etc/passwd", 404),
    ],
)
async def test_odd_addresses_are_refused(aiohttp_client: Any, path: str, status: int) -> None:
    """Each as problem JSON."""
    system = FakeSystem()
    client = await aiohttp_client(system.app)
    async with client.post(path, json={}, headers=system.bearer) as response:
        assert (response.status, response.content_type) == (status, "application/problem+json")
        assert system.bus.asked == []


async def test_a_wrong_method_names_the_right_ones(aiohttp_client: Any) -> None:
    """405 with Allow."""
    client = await aiohttp_client(FakeSystem().app)
    async with client.patch("/api/users/me") as response:
        assert response.status == 405
        assert "GET" in response.headers["Allow"]
        assert (await response.json())["type"] == "urn:vareon:error:wrong_method"


async def test_a_role_without_the_permission_is_refused(aiohttp_client: Any) -> None:
    """A viewer may ask but not tell; nobody's role may do nothing at all."""
    for role, asked, told in (("viewer", 200, 403), ("unheard-of", 403, 403)):
        system = FakeSystem(rows=FakeRows([user_row(role=role)]))
        client = await aiohttp_client(system.app)
        path = "/api/entities/counter/mine/GetCount"
        async with client.get(path, headers=system.bearer) as response:
            assert response.status == asked
        async with client.post(COUNTER, json={}, headers=system.bearer) as response:
            assert response.status == told


async def test_a_closed_account_is_nobody(aiohttp_client: Any) -> None:
    """Its tokens are good no more."""
    for rows in ([], [user_row(is_active=False)]):
        system = FakeSystem(rows=FakeRows(rows))
        client = await aiohttp_client(system.app)
        async with client.get("/api/users/me", headers=system.bearer) as response:
            assert response.status == 401


async def test_answers_carry_what_keeps_browsers_careful(aiohttp_client: Any) -> None:
    """On answers and refusals alike."""
    client = await aiohttp_client(FakeSystem().app)
    for path in ("/livez", "/nowhere", "/api/users/me"):
        async with client.get(path) as response:
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Cache-Control"] == "no-store"
            assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_a_route_without_a_known_permission_cannot_be_built() -> None:
    """Deny unless permitted."""

    async def handler(_request: aiohttp_web.Request) -> aiohttp_web.Response:
        return aiohttp_web.Response()

    for permission in ("", "made:up"):
        with pytest.raises(ConfigurationError):
            build_app([Route("GET", "/x", permission, handler)], *[None] * 7)  # type: ignore[arg-type]
