"""So many requests a minute, counted in bounded memory."""

from __future__ import annotations

import re
from typing import Any

import pytest
from aiohttp import web as aiohttp_web
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import Application
from multidict import CIMultiDict

from tests.support.clocks import ManualClock
from tests.unit.web.fake_bus import FakeSystem
from vareon_runtime.errors import QuotaExceeded
from web import quotas as module
from web.client_address import UNKNOWN, client_of
from web.quotas import Quotas, tell_quotas
from web.routes import PUBLIC, Route


async def _nothing(_request: aiohttp_web.Request) -> aiohttp_web.Response:
    return aiohttp_web.Response()


ANY = Route("GET", "/any", PUBLIC, _nothing)
NARROW = Route("POST", "/narrow", PUBLIC, _nothing, rate=6)


class Asked:
    """One caller after the other, from one address after the other."""

    def __init__(self, signed_in: int = 60, anonymous: int = 30) -> None:
        self.clock = ManualClock()
        self.address = "1.2.3.4"
        self.quotas = Quotas(self.clock, signed_in, anonymous, lambda _request: self.address)
        self.told: CIMultiDict[str] = CIMultiDict()

    def __call__(self, who: str = "", route: Route = ANY) -> float | None:
        """When to come again; None if it was counted."""
        request = make_mocked_request(route.method, route.path)
        self.told = CIMultiDict()
        try:
            self.quotas.count(request, route, who)
        except QuotaExceeded as error:
            return error.retry_after_s
        finally:
            tell_quotas(request, self.told)
        return None

    @property
    def left(self) -> int:
        found = re.search(r"r=(\d+)", self.told["RateLimit"])
        assert found is not None
        return int(found[1])


def test_a_minutes_quota_may_be_used_at_once_and_comes_back_steadily() -> None:
    """A refusal costs nothing and says when it makes sense to come again."""
    ask = Asked()
    ask.clock.jump(1000.0)
    for number in range(60):
        assert ask("ann") is None
        assert ask.left == 59 - number
    for _ in range(3):
        assert ask("ann") == pytest.approx(1.0)
        assert ask.left == 0
    assert ask("ben") is None, "everybody has a quota of their own"
    ask.clock.jump(1.0)
    assert ask("ann") is None
    assert ask("ann") is not None
    ask.clock.jump(30.0)
    assert [ask("ann") for _ in range(30)] == [None] * 30
    assert ask("ann") is not None
    ask.clock.jump(3600.0)
    assert ask("ann") is None
    assert ask.left == 59, "no more than a minute's quota is ever saved"


def test_the_headers_are_those_of_the_draft() -> None:
    """The policy with its window, and what is left with the seconds until it is whole."""
    ask = Asked()
    ask("ann")
    assert ask.told == {
        "RateLimit-Policy": '"caller";q=60;w=60',
        "RateLimit": '"caller";r=59;t=2',
    }


def test_nobody_in_particular_is_counted_by_address() -> None:
    """A user at that address is counted apart."""
    ask = Asked()
    assert [ask() for _ in range(30)] == [None] * 30
    assert ask() == pytest.approx(2.0)
    assert ask("ann") is None
    ask.address = "1.2.3.5"
    assert ask() is None
    assert ask.told["RateLimit-Policy"] == '"address";q=30;w=60'


def test_a_route_may_have_a_narrower_quota() -> None:
    """It leaves the rest for other routes; the headers tell of the narrower one."""
    ask = Asked()
    assert [ask("ann", NARROW) for _ in range(6)] == [None] * 6
    assert ask("ann", NARROW) == pytest.approx(10.0)
    assert ask.told["RateLimit-Policy"] == '"POST /narrow";q=6;w=60'
    assert ask("ann") is None
    assert ask("ben", NARROW) is None


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those whose quota is whole go first: nobody gains by the memory of others."""
    monkeypatch.setattr(module, "MOST_COUNTED", 100)
    ask = Asked(signed_in=10)
    ask.clock.jump(1000.0)
    assert [ask("busy") for _ in range(10)] == [None] * 10
    for number in range(99):
        ask(f"idle {number}")
    ask.clock.jump(6.5)
    assert ask("busy") is None
    for number in range(5_000):
        ask(f"new {number % 1000}")
        if number % 40 == 0:
            ask.clock.jump(1.0)
            ask("busy")
        assert len(ask.quotas) <= 100
    assert len(ask.quotas) == 100


def test_an_address_is_one_client() -> None:
    """Of IPv6 the network of 64 bits is: that much is given to one home."""

    def of(remote: str | None) -> str:
        request = make_mocked_request("GET", "/", app=Application())
        return client_of(request.clone(remote=remote or ""))

    assert of("10.0.0.1") == "10.0.0.1"
    assert of("2001:db8:0:1:2::3") == of("2001:db8:0:1:ffff::9") == "2001:db8:0:1::/64"
    assert of("2001:db8:0:2::3") != of("2001:db8:0:1::3")
    assert of("fe80::1%eth0") == "fe80::/64"
    assert of(None) == UNKNOWN


async def test_over_http(aiohttp_client: Any) -> None:
    """On good answers and refusals alike; a wrong token counts for its address."""
    system = FakeSystem()
    system.quotas._signed_in = module.Quota.of("caller", 3)
    system.quotas._anonymous = module.Quota.of("address", 2)
    client = await aiohttp_client(system.app)
    for left in (2, 1, 0):
        async with client.get("/api/users/me", headers=system.bearer) as response:
            assert response.status == 200
            assert response.headers["RateLimit"].startswith(f'"caller";r={left};')
    async with client.get("/api/users/me/", headers=system.bearer) as response:
        assert response.status == 429
        assert (await response.json())["type"] == "urn:vareon:error:quota_exceeded"
        assert int(response.headers["Retry-After"]) >= 20
        assert response.headers["RateLimit-Policy"] == '"caller";q=3;w=60'
    for status in (401, 401, 429):
        async with client.get("/api/users/me", headers={"Authorization": "Bearer x"}) as response:
            assert response.status == status
            assert response.headers["RateLimit"].startswith('"address"')
    async with client.get("/livez") as response:
        assert response.status == 200
        assert "RateLimit" not in response.headers
