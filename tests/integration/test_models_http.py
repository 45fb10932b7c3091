"""Providers, models and preferences over HTTP."""

from __future__ import annotations

from typing import Any

from tests.support.system import InProcessSystem
from tests.support.upstream import Upstream

PROVIDERS = "/api/cognisys/providers/"
MODELS = "/api/cognisys/models/"
PREFERENCES = "/api/arcana/llm/preferences"


async def test_a_provider_through_its_life(system: InProcessSystem) -> None:
    """Created, listed, changed with what the client sends back, deleted with its models."""
    admin = system.admin()
    body = {
        "name": "Mine",
        "base_url": "http://127.0.0.1:9/v1",
        "api_key": "sk-1234567890",
        "organization_id": "",
        "surprise": "ignored",
    }
    async with admin.post(PROVIDERS, json=body) as response:
        assert response.status == 201
        made = await response.json()
    assert made["masked_api_key"] == "sk-1…7890"
    assert "1234567890" not in str(made)
    async with admin.post(PROVIDERS, json=body) as response:
        assert response.status == 409
    one = PROVIDERS + made["id"]
    changed = {**made, "api_key": "", "enabled": False}
    async with admin.put(one, json=changed) as response:
        assert response.status == 200, await response.text()
    async with admin.get(one) as response:
        found = await response.json()
    assert (found["enabled"], found["masked_api_key"]) == (False, made["masked_api_key"])
    model: dict[str, Any] = {"provider_id": made["id"], "model_name": "m", "max_tokens": ""}
    async with admin.post(MODELS, json=model) as response:
        assert response.status == 201, await response.text()
        first = await response.json()
    assert first["provider"]["name"] == "Mine"
    assert (first["name"], first["max_tokens"], first["is_active"]) == ("m", None, True)
    async with admin.put(MODELS + first["id"], json={"max_tokens": 99}) as response:
        assert (await response.json())["max_tokens"] == 99
    async with admin.get(MODELS) as response:
        assert [one["id"] for one in await response.json()] == [first["id"]]
    async with admin.delete(one) as response:
        assert (await response.json())["ok"] is True
    for path in (one, MODELS + first["id"]):
        async with admin.get(path) as response:
            assert response.status == 404


async def test_members_see_models_but_do_not_change_them(system: InProcessSystem) -> None:
    """Only administrators may."""
    member = await system.new_user("bea")
    async with member.get(PROVIDERS) as response:
        assert response.status == 200
    for method, path in (
        ("POST", PROVIDERS),
        ("PUT", PROVIDERS + "x"),
        ("DELETE", PROVIDERS + "x"),
        ("POST", MODELS),
        ("DELETE", MODELS + "x"),
    ):
        async with member.request(method, path, json={}) as response:
            assert response.status == 403, (method, path)


async def test_the_newest_model_answers_until_another_is_chosen(
    system: InProcessSystem, upstream: Upstream
) -> None:
    """A choice holds for the one who made it."""
    old = await system.connect_model(upstream.base_url, "fake-small")
    await system.connect_model(upstream.base_url, "fake-large")
    bea, cid = await system.new_user("bea"), await system.new_user("cid")
    async with bea.get(PREFERENCES) as response:
        before = await response.json()
    assert (before["default_model_id"], before["temperature"]) == (None, 0.7)
    unknown = {"default_model_id": "0198c0de-0000-7000-8000-000000000001"}
    async with bea.put(PREFERENCES, json=unknown) as response:
        assert response.status == 404
        assert (await response.json())["detail"] == "Default LLM Model not found"
    async with bea.put(PREFERENCES, json={"default_model_id": old}) as response:
        chosen = await response.json()
    assert chosen["default_model"]["model_name"] == "fake-small"
    assert chosen["default_model"]["provider"]["base_url"] == upstream.base_url
    async with bea.get(PREFERENCES + "/") as response:
        assert await response.json() == chosen
    for client, model in ((bea, "fake-small"), (cid, "fake-large")):
        async with client.post("/api/chat", json={"message": "hello"}) as response:
            assert response.status == 200
        assert upstream.requests[-1].model == model
