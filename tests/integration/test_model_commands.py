"""``vareon provider`` and ``vareon model``."""

from __future__ import annotations

import json

import pytest

from tests.integration.test_people_commands import said
from tests.integration.test_roles_http import call
from tests.support.system import InProcessSystem

ADDRESS = "http://127.0.0.1:9/v1"


async def test_from_connecting_to_removing(system: InProcessSystem) -> None:
    """Seen through the API as well."""
    admin = system.admin()
    told = await said(
        system, "provider", "add", "near", ADDRESS, "--key-stdin", given="sk-very-secret-one\n"
    )
    assert "near is connected" in told
    listed = await said(system, "provider", "list")
    assert "near" in listed
    assert "very-secret" not in listed + await said(system, "provider", "list", "--json")
    made = json.loads(
        await said(system, "model", "add", "near", "m/1", "--max-tokens", "9", "--json")
    )
    _, found = await call(admin, "GET", f"/api/cognisys/models/{made['id']}")
    assert (found["model_name"], found["max_tokens"], found["provider"]["name"]) == (
        "m/1",
        9,
        "near",
    )
    await said(system, "model", "use", "m/1")
    _, preference = await call(admin, "GET", "/api/arcana/llm/preferences")
    assert preference["default_model_id"] == made["id"]
    await said(system, "model", "change", "m/1", "--inactive", "--rename", "m/2")
    _, found = await call(admin, "GET", f"/api/cognisys/models/{made['id']}")
    assert (found["model_name"], found["is_active"], found["max_tokens"]) == ("m/2", False, 9)
    assert made["id"] in await said(system, "model", "list")
    await said(system, "provider", "change", "near", "--disable")
    _, providers = await call(admin, "GET", "/api/cognisys/providers")
    assert [(one["name"], one["enabled"]) for one in providers] == [("near", False)]
    await said(system, "model", "remove", made["id"])
    assert (await call(admin, "GET", f"/api/cognisys/models/{made['id']}"))[0] == 404
    await said(system, "provider", "remove", "near")
    assert await said(system, "provider", "list") == "no provider is connected\n"


async def test_what_is_refused(system: InProcessSystem) -> None:
    """Two of one name, none, no key, and nothing to change."""
    for name in ("one", "two"):
        await said(system, "provider", "add", name, ADDRESS, "--no-key")
        await said(system, "model", "add", name, "twin")
    assert "several are called 'twin'" in await said(system, "model", "remove", "twin", code=1)
    assert "taken" in await said(system, "provider", "add", "one", ADDRESS, "--no-key", code=1)
    assert "there is no 'x'" in await said(system, "model", "use", "x", code=1)
    await said(system, "provider", "add", "y", ADDRESS, code=2)
    assert "held no key" in await said(
        system, "provider", "add", "y", ADDRESS, "--key-stdin", code=1
    )
    await said(system, "provider", "change", "one", code=2)


async def test_a_key_that_is_asked_for_is_not_shown(
    system: InProcessSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.cli.provider._asked", lambda: True)
    told = await said(system, "provider", "add", "near", ADDRESS, given="sk-very-secret-one\n")
    assert "very-secret" not in told
    _, (one,) = await call(system.admin(), "GET", "/api/cognisys/providers")
    assert one["masked_api_key"]
