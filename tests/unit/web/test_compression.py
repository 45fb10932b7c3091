"""Answers worth packing are packed for those who can unpack them."""

from __future__ import annotations

import gzip
import json
from typing import Any

import aiohttp
import pytest

from tests.unit.web.fake_bus import FakeBus, FakeSystem

ASK = "/api/entities/counter/mine/GetCount"
LONG = json.dumps({"text": "a word " * 1_000}).encode()


async def _asked(aiohttp_client: Any, body: bytes, accept: str | None) -> aiohttp.ClientResponse:
    system = FakeSystem(FakeBus(lambda: body))
    client = await aiohttp_client(system.app, auto_decompress=False)
    headers = dict(system.bearer)
    skip = [] if accept is not None else ["Accept-Encoding"]
    if accept is not None:
        headers["Accept-Encoding"] = accept
    response: aiohttp.ClientResponse = await client.get(
        ASK, headers=headers, skip_auto_headers=skip
    )
    return response


@pytest.mark.parametrize("size", [2_000, 100_000])
@pytest.mark.parametrize("accept", ["gzip", "deflate, GZIP;q=0.5, br"])
async def test_a_long_answer_is_packed(aiohttp_client: Any, accept: str, size: int) -> None:
    """It says what it depends on, and unpacks to what was answered."""
    body = b'"' + b"ab" * (size // 2) + b'"'
    response = await _asked(aiohttp_client, body, accept)
    packed = await response.read()
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.headers["Vary"] == "Accept-Encoding"
    assert len(packed) < size / 10
    assert gzip.decompress(packed) == body


@pytest.mark.parametrize("accept", [None, "identity", "br", "gzip;q=0", "gzip; q=0.0, br"])
async def test_whoever_cannot_unpack_it_gets_it_plain(
    aiohttp_client: Any, accept: str | None
) -> None:
    """A cache is still told."""
    response = await _asked(aiohttp_client, LONG, accept)
    assert await response.read() == LONG
    assert "Content-Encoding" not in response.headers
    assert response.headers["Vary"] == "Accept-Encoding"


async def test_a_short_answer_is_sent_as_it_is(aiohttp_client: Any) -> None:
    """Packing would make it longer."""
    response = await _asked(aiohttp_client, b'{"count":1}', "gzip")
    assert await response.read() == b'{"count":1}'
    assert "Vary" not in response.headers
