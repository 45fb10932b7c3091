"""Status over real HTTP: real numbers, each caller's own, and nothing that blanks a page."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from tests.support.system import InProcessSystem

MODULES = ("arcana", "myntrix", "neosyntis", "cognisys")


async def status(client: aiohttp.ClientSession) -> dict[str, Any]:
    async with client.get("/api/system/status") as response:
        assert response.status == 200
        return dict(await response.json())


async def test_numbers_are_the_callers_own(system: InProcessSystem) -> None:
    """What one says does not show in what another sees."""
    admin = await system.sign_in()
    async with admin.post(
        "/api/users", json={"username": "bob", "password": "long enough"}
    ) as response:
        assert response.status == 201
    bob = system.client(await system.token("bob", "long enough"))
    for text in ("one", "two"):
        async with bob.post("/api/chat", json={"message": text}) as response:
            assert response.status == 200
    seen = await status(bob)
    assert list(seen) == list(MODULES)
    arcana = seen["arcana"]
    assert (arcana["status"], arcana["activeChats"], arcana["messagesProcessed"]) == (
        "online",
        2,
        4,
    )
    assert float(arcana["avgResponseTime"].removesuffix("s")) >= 0
    assert seen["cognisys"]["requestsRouted"] == 2
    assert seen["myntrix"] == seen["neosyntis"]
    assert seen["myntrix"]["status"] == "offline"
    assert None not in [value for module in seen.values() for value in module.values()]
    assert (await status(admin))["arcana"]["activeChats"] == 0


async def test_each_module_has_its_part(system: InProcessSystem) -> None:
    """The same numbers, under an address of its own."""
    admin = await system.sign_in()
    whole = await status(admin)
    for module in MODULES:
        async with admin.get(f"/api/{module}/status") as response:
            part = await response.json()
        uptime = part.pop("uptime")
        assert uptime[-1] == "s"
        assert part
        assert all(whole[module][name] == value for name, value in part.items())


async def test_models_count_while_they_may_answer(system: InProcessSystem) -> None:
    """A disabled provider's do not."""
    admin = await system.sign_in()
    before = (await status(admin))["cognisys"]["modelsActive"]
    provider = {"name": "one", "base_url": "http://127.0.0.1:9/v1", "enabled": False}
    async with admin.post("/api/cognisys/providers", json=provider) as response:
        provider_id = (await response.json())["id"]
    model = {"provider_id": provider_id, "model_name": "m"}
    async with admin.post("/api/cognisys/models", json=model) as response:
        assert response.status == 201
    other = await system.sign_in()
    assert (await status(other))["cognisys"]["modelsActive"] == before


async def test_readiness_tells_each_part(system: InProcessSystem) -> None:
    """With its state, also while one is missing."""
    client = system.client()
    async with client.get("/readyz") as response:
        ready = await response.json()
    assert set(ready["checks"]) == {"database", "migrations", "ray", "router", "hosts"}
    assert system.host is not None
    await system.host.stop()
    system.host = None
    async with asyncio.timeout(20):
        while (answer := await _answer(client))[0] == 200:
            pass
    states = {one["loc"][0]: one["message"] for one in answer[1]["errors"]}
    assert states["database"] == "ok"
    assert states["hosts"] != "ok"


async def _answer(client: aiohttp.ClientSession) -> tuple[int, dict[str, Any]]:
    async with client.get("/readyz") as response:
        return response.status, dict(await response.json())
