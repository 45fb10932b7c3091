"""Cookies count only for this site's own pages; headers come first; sessions slide."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import DummyCookieJar
from aiohttp.test_utils import make_mocked_request

from tests.unit.web.fake_bus import KEY, FakeSystem
from vareon_runtime.clock import SystemClock
from vareon_runtime.errors import NotPermitted
from web.credentials import COOKIE, check_origin
from web.services.tokens import Tokens

COUNTER = "/api/entities/counter/mine/Add"


class EarlierClock(SystemClock):
    """The time some seconds ago."""

    def __init__(self, ago_s: float) -> None:
        self._ago_s = ago_s

    def time(self) -> float:
        return super().time() - self._ago_s


def cookie(system: FakeSystem, ago_s: float = 0) -> dict[str, str]:
    return {"Cookie": f"{COOKIE}={Tokens(KEY, EarlierClock(ago_s)).issue_session('user-1')}"}


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"Origin": "http://here.test:8480"}, True),
        ({"Origin": "https://HERE.test:8480"}, True),
        ({"Origin": "http://here.test"}, False),
        ({"Origin": "http://evil.test"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://["}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-origin"}, True),
    ],
)
def test_origins(headers: dict[str, str], allowed: bool) -> None:
    """Host and port must be ours."""
    request = make_mocked_request("POST", "/", headers={"Host": "here.test:8480", **headers})
    if allowed:
        check_origin(request)
    else:
        with pytest.raises(NotPermitted):
            check_origin(request)


async def test_the_cookie_signs_in_but_not_from_elsewhere(aiohttp_client: Any) -> None:
    """Reading is not guarded by the Origin: SameSite keeps the cookie at home."""
    system = FakeSystem()
    client = await aiohttp_client(system.app)
    headers = cookie(system)
    evil = {**headers, "Origin": "http://evil.test"}
    async with client.post(COUNTER, json={}, headers=headers) as response:
        assert response.status == 200
    async with client.post(COUNTER, json={}, headers=evil) as response:
        assert response.status == 403
    async with client.get("/api/users/me", headers=evil) as response:
        assert response.status == 200


async def test_an_expired_header_beside_the_same_users_cookie_is_served(
    aiohttp_client: Any,
) -> None:
    """Another user's expired token, or a forged one, is not."""
    system = FakeSystem()
    client = await aiohttp_client(system.app)
    old = Tokens(KEY, EarlierClock(7200))
    forged = Tokens(b"another key " * 6, SystemClock())
    for token, status in (
        (old.issue_access("user-1"), 200),
        (old.issue_access("user-2"), 401),
        (forged.issue_access("user-1"), 401),
    ):
        headers = {**cookie(system), "Authorization": f"Bearer {token}"}
        async with client.get("/api/users/me", headers=headers) as response:
            assert response.status == status


async def test_the_session_slides(aiohttp_client: Any) -> None:
    """A cookie that has aged is replaced; a young one is left alone."""
    system = FakeSystem()
    client = await aiohttp_client(system.app, cookie_jar=DummyCookieJar())
    async with client.get("/api/users/me", headers=cookie(system)) as response:
        assert "Set-Cookie" not in response.headers
    async with client.get("/api/users/me", headers=cookie(system, 3600)) as response:
        given = response.headers["Set-Cookie"]
        assert given.startswith(f"{COOKIE}=")
        assert all(part in given for part in ("HttpOnly", "SameSite=Strict", "Path=/"))
    async with client.get("/api/users/me", headers=cookie(system, 25 * 3600)) as response:
        assert response.status == 401


@pytest.mark.parametrize(
    "header", ["Basic YTpi", "Bearer", "Bearer ", "bearer x", "Bearer \x80\xff", "nonsense"]
)
async def test_other_schemes_are_refused(aiohttp_client: Any, header: str) -> None:
    """With the challenge that RFC 6750 asks for."""
    client = await aiohttp_client(FakeSystem().app)
    async with client.get("/api/users/me", headers={"Authorization": header}) as response:
        assert response.status == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"
