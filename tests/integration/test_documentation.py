"""The OpenAPI document is the API: what is served, what is checked in, and what the page shows."""

from __future__ import annotations

import re
from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.openapi import FILE, written
from tests.support.system import InProcessSystem


async def _told(system: InProcessSystem) -> dict[str, Any]:
    async with system.client().get("/openapi.json") as response:
        assert (response.status, response.content_type) == (200, "application/json")
        told: dict[str, Any] = await response.json()
        return told


async def test_the_document_is_valid_and_the_one_that_is_checked_in(
    system: InProcessSystem,
) -> None:
    """Whoever changes a route sees it in the diff: ``python -m tests.openapi``."""
    told = await _told(system)
    assert list(OpenAPIV31SpecValidator(told).iter_errors()) == []
    assert written(told) == FILE.read_text(encoding="utf-8"), "run: python -m tests.openapi"


async def test_the_document_is_sent_again_only_if_it_differs(system: InProcessSystem) -> None:
    """By its ETag; with a slash at its end too, and by HEAD without a body."""
    client = system.client()
    async with client.get("/openapi.json") as response:
        tag = response.headers["ETag"]
    async with client.get("/openapi.json/", headers={"If-None-Match": tag}) as response:
        assert (response.status, await response.read()) == (304, b"")
    async with client.head("/openapi.json") as response:
        assert (response.status, response.headers["ETag"]) == (200, tag)


async def test_every_address_of_the_document_is_served(system: InProcessSystem) -> None:
    """Without signing in each is refused as its declaration says, and none is unknown."""
    told, client = await _told(system), system.client()
    for path, operations in told["paths"].items():
        address = path.replace("{id}", "0198c0de-0000-7000-8000-000000000001")
        address = re.sub(r"\{\w+\}", "some", address)
        for method, operation in operations.items():
            for form in (address, address + "/"):
                async with client.request(method, form) as response:
                    wanted = "200" if operation["security"] == [{}] else "401"
                    given = str(response.status)
                    assert given in operation["responses"], (method, form, given)
                    assert given == wanted or method != "get", (method, form, given)


async def test_the_page_needs_nothing_from_elsewhere(system: InProcessSystem) -> None:
    """Every part is served here, with a policy that allows nothing else."""
    client = system.client()
    for address in ("/docs", "/docs/"):
        async with client.get(address) as response:
            page, policy = await response.text(), response.headers["Content-Security-Policy"]
        assert "unsafe" not in policy and "http" not in policy
        parts = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert len(parts) == 4 and all(part.startswith("/") for part in parts)
        for part in parts:
            async with client.get(part) as response:
                assert response.status == 200, part
                assert response.headers["X-Content-Type-Options"] == "nosniff"
