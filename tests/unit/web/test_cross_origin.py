"""Pages of other sites read nothing, unless the operator lists them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.web.fake_bus import FakeSystem

ME, ORIGIN = "/api/users/me", "https://app.example.org"
PREFLIGHT = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x"}


def varies_by(headers: Any) -> list[str]:
    return [name.strip() for name in headers.get("Vary", "").split(",")]


async def _headers(client: Any, method: str, path: str, **headers: str) -> tuple[int, Any]:
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.request(method, path, headers=said) as response:
        return response.status, response.headers


async def test_nobody_is_allowed_by_default(aiohttp_client: Any) -> None:
    """Neither before nor with an answer, and nothing varies by origin."""
    system = FakeSystem()
    client = await aiohttp_client(system.app)
    for method, extra in (("GET", system.bearer), ("OPTIONS", PREFLIGHT)):
        _, headers = await _headers(client, method, ME, Origin=ORIGIN, **extra)
        assert not [name for name in headers if name.startswith("Access-Control")]
        assert "Origin" not in varies_by(headers)
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("origin", [ORIGIN, ORIGIN.upper(), "http://localhost:3000"])
async def test_a_listed_site_may_read_answers(aiohttp_client: Any, origin: str) -> None:
    """By its own name, with the cookie, refusals too."""
    system = FakeSystem(origins=(ORIGIN + "/", "http://localhost:3000"))
    client = await aiohttp_client(system.app)
    for bearer, status in ((system.bearer, 200), ({}, 401)):
        found, headers = await _headers(client, "GET", ME, Origin=origin, **bearer)
        assert found == status
        assert headers["Access-Control-Allow-Origin"] == origin
        assert headers["Access-Control-Allow-Credentials"] == "true"
        assert "ETag" in headers["Access-Control-Expose-Headers"]
        assert "Origin" in varies_by(headers)


@pytest.mark.parametrize(
    "origin",
    ["https://app.example.org.evil.net", "http://app.example.org", "null", "https://example.org"],
)
async def test_a_site_that_looks_like_it_may_not(aiohttp_client: Any, origin: str) -> None:
    """The whole origin counts."""
    system = FakeSystem(origins=(ORIGIN,))
    client = await aiohttp_client(system.app)
    _, headers = await _headers(client, "GET", ME, Origin=origin, **system.bearer)
    assert not [name for name in headers if name.startswith("Access-Control")]
    assert "Origin" in varies_by(headers)


async def test_any_site_is_never_any_site_with_a_cookie(aiohttp_client: Any) -> None:
    """The star goes without credentials, and the cookie of a page elsewhere changes nothing."""
    system = FakeSystem(origins=("*",))
    client = await aiohttp_client(system.app)
    _, headers = await _headers(client, "GET", ME, Origin=ORIGIN, **system.bearer)
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in headers
    path = "/api/entities/counter/mine/Add"
    cookie = f"vareon_session={system.tokens.issue_session('user-1')}"
    status, _ = await _headers(client, "POST", path, Origin=ORIGIN, Cookie=cookie)
    assert status == 403


async def test_a_cookie_counts_on_a_listed_sites_page(aiohttp_client: Any) -> None:
    """It is as good as our own there, and nowhere else."""
    system = FakeSystem(origins=(ORIGIN,))
    client = await aiohttp_client(system.app)
    path = "/api/entities/counter/mine/Add"
    cookie = f"vareon_session={system.tokens.issue_session('user-1')}"
    for origin, status in ((ORIGIN, 200), ("https://evil.example", 403)):
        assert (await _headers(client, "POST", path, Origin=origin, Cookie=cookie))[0] == status


async def test_options_tell_what_an_address_takes(aiohttp_client: Any) -> None:
    """To anybody; to a listed site's browser with what it wants to know beforehand."""
    client = await aiohttp_client(FakeSystem(origins=(ORIGIN,)).app)
    status, headers = await _headers(client, "OPTIONS", "/api/users/me/")
    assert status == 204
    assert {"GET", "OPTIONS"} <= {*headers["Allow"].split(", ")}
    status, headers = await _headers(client, "OPTIONS", ME, Origin=ORIGIN, **PREFLIGHT)
    assert status == 204
    assert "GET" in headers["Access-Control-Allow-Methods"]
    assert "If-Match" in headers["Access-Control-Allow-Headers"]
    assert int(headers["Access-Control-Max-Age"]) > 0
    assert (await _headers(client, "OPTIONS", "/api/nowhere"))[0] == 404
