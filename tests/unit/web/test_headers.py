"""What a browser is told beside an answer, by TLS and without."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from aiohttp import TCPConnector

from tests.support.certificates import self_signed
from tests.unit.web.fake_bus import FakeSystem
from web.client_address import ADDRESSES, ClientAddress
from web.credentials import COOKIE
from web.headers import STRICT_FOR_S

ME = "/api/users/me"
STRICT, BY_PROXY = "Strict-Transport-Security", {"X-Forwarded-Proto": "https"}


@pytest.mark.parametrize("path", [ME, "/livez", "/api/nowhere"])
async def test_over_tls_the_browser_is_to_come_back_by_tls(
    aiohttp_client: Any, aiohttp_server: Any, tmp_path: Path, path: str
) -> None:
    """Refusals say so too; without TLS it would be no more than a wish."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*self_signed(tmp_path))
    server = await aiohttp_server(FakeSystem().app, ssl=context)
    client = await aiohttp_client(server, connector=TCPConnector(ssl=False))
    async with client.get(path) as response:
        assert response.headers[STRICT] == f"max-age={STRICT_FOR_S}"
    plain = await aiohttp_client(FakeSystem().app)
    async with plain.get(path) as response:
        assert STRICT not in response.headers


async def test_a_proxy_that_ends_tls_is_believed_if_it_is_trusted(aiohttp_client: Any) -> None:
    """Anybody can say that they came by TLS."""
    for trusted, expected in ((["127.0.0.1"], True), ([], False)):
        system = FakeSystem()
        system.app[ADDRESSES] = ClientAddress(trusted)
        client = await aiohttp_client(system.app)
        async with client.get(ME, headers={**system.bearer, **BY_PROXY}) as response:
            assert (STRICT in response.headers) == expected


async def test_the_cookie_of_a_tls_session_is_sent_over_nothing_else(
    aiohttp_client: Any, aiohttp_server: Any, tmp_path: Path
) -> None:
    """When it is taken back as well as when it is given."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*self_signed(tmp_path))
    server = await aiohttp_server(FakeSystem().app, ssl=context)
    client = await aiohttp_client(server, connector=TCPConnector(ssl=False))
    async with client.post("/api/logout") as response:
        given = response.headers["Set-Cookie"]
        assert given.startswith(f"{COOKIE}=")
        assert "Secure" in given and "HttpOnly" in given
