"""ETags over HTTP: an object is sent only if it is new, and nobody's change is lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from actors import names
from actors.cognisys.provider import Provider
from tests.support.system import InProcessSystem
from vareon_runtime.hosting.bootstrap import HostService

PROVIDERS, MODELS = "/api/cognisys/providers", "/api/cognisys/models"
PREFERENCE = "/api/arcana/llm/preferences"


async def _made(admin: aiohttp.ClientSession) -> tuple[str, str]:
    """Paths of a provider and of a model of it."""
    body = {"name": "one", "base_url": "http://127.0.0.1:9/v1"}
    async with admin.post(PROVIDERS, json=body) as response:
        provider = (await response.json())["id"]
    body = {"provider_id": provider, "model_name": "small"}
    async with admin.post(MODELS, json=body) as response:
        model = (await response.json())["id"]
    return f"{PROVIDERS}/{provider}", f"{MODELS}/{model}"


async def _seen(session: aiohttp.ClientSession, path: str) -> tuple[str, Any]:
    async with session.get(path) as response:
        assert response.status == 200
        return response.headers["ETag"], await response.json()


async def _changed(
    session: aiohttp.ClientSession, path: str, body: Any, **headers: str
) -> tuple[int, Any, str | None]:
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    async with session.put(path, json=body, headers=said) as response:
        return response.status, await response.json(), response.headers.get("ETag")


async def test_an_object_is_sent_only_if_it_is_new(system: InProcessSystem) -> None:
    """304 without a body for its own tag, weak or not, among others, or any."""
    admin = system.admin()
    provider, model = await _made(admin)
    for path in (provider, model + "/", PREFERENCE, "/api/users/me"):
        tag, _ = await _seen(admin, path)
        plain = tag.replace("-gzip", "")
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*", plain[:-1] + '-gzip"', plain):
            async with admin.get(path, headers={"If-None-Match": known}) as response:
                assert (response.status, await response.read()) == (304, b""), (path, known)
                found = response.headers["ETag"]
                assert found.replace("-gzip", "") == tag.replace("-gzip", "")
                assert response.headers["X-Content-Type-Options"] == "nosniff"
        async with admin.get(path, headers={"If-None-Match": '"other"'}) as response:
            assert response.status == 200
    tag, _ = await _seen(admin, provider)
    await _changed(admin, provider, {"name": "two"})
    async with admin.get(provider, headers={"If-None-Match": tag}) as response:
        assert (response.status, (await response.json())["name"]) == (200, "two")


async def test_a_change_of_what_was_seen_is_made_and_of_anything_else_refused(
    system: InProcessSystem,
) -> None:
    """The refused one changes nothing; the tag that a change answers with is the new object's."""
    admin = system.admin()
    provider, model = await _made(admin)
    for path, field, values in (
        (provider, "name", ("first", "second", "third")),
        (model, "role", ("first", "second", "third")),
        (PREFERENCE, "temperature", (0.1, 0.2, 0.3)),
    ):
        old, _ = await _seen(admin, path)
        status, body, new = await _changed(admin, path, {field: values[0]}, If_Match=old)
        assert (status, body[field]) == (200, values[0]), path
        assert (new, body) == await _seen(admin, path)
        status, body, _ = await _changed(admin, path, {field: values[1]}, If_Match=old)
        assert (status, body["type"]) == (412, "urn:vareon:error:precondition_failed"), path
        assert (await _seen(admin, path))[1][field] == values[0]
        assert (await _changed(admin, path, {field: values[2]}, If_Match=f"W/{new}"))[0] == 412
        assert (await _changed(admin, path, {field: values[2]}, If_None_Match="*"))[0] == 412
        assert (await _changed(admin, path, {field: values[2]}, If_Match="*"))[0] == 200
    old, _ = await _seen(admin, model)
    await _changed(admin, model, {"role": "fourth"})
    async with admin.delete(model, headers={"If-Match": old}) as response:
        assert response.status == 412
    new, _ = await _seen(admin, model)
    async with admin.delete(model, headers={"If-Match": new}) as response:
        assert response.status == 200
    async with admin.get(model) as response:
        assert response.status == 404


async def test_a_neighbour_in_the_same_entity_is_no_change(system: InProcessSystem) -> None:
    """The provider's state has a new version; the model as its caller sees it has not."""
    admin = system.admin()
    provider, model = await _made(admin)
    tag, _ = await _seen(admin, model)
    body = {"provider_id": provider.rpartition("/")[2], "model_name": "neighbour"}
    async with admin.post(MODELS, json=body) as response:
        assert response.status == 201
    assert (await _changed(admin, model, {"role": "fast"}, If_Match=tag))[0] == 200


async def test_of_many_changes_at_once_one_is_made(system: InProcessSystem) -> None:
    """All of them saw the same object; whoever comes later would undo what it never saw."""
    admin = system.admin()
    provider, _ = await _made(admin)
    for round_number in range(10):
        tag, _ = await _seen(admin, provider)
        outcomes = await asyncio.gather(
            *(
                _changed(admin, provider, {"name": f"{round_number}-{n}"}, If_Match=tag)
                for n in range(16)
            )
        )
        good = [body["name"] for status, body, _ in outcomes if status == 200]
        assert len(good) == 1
        assert sorted({status for status, _, _ in outcomes}) == [200, 412]
        assert (await _seen(admin, provider))[1]["name"] == good[0]


async def test_a_change_between_the_look_and_the_turn_is_seen_by_the_entity(
    system: InProcessSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However late it comes: here in the very turn before."""
    admin = system.admin()
    provider, _ = await _made(admin)
    tag, _ = await _seen(admin, provider)
    update, began = Provider.update, asyncio.Event()
    go_on = asyncio.Event()

    async def slow(self: Provider, message: Any, context: Any) -> Any:
        began.set()
        await go_on.wait()
        return await update(self, message, context)

    messages = Provider.handlers.messages
    slower = replace(messages["UpdateProvider"], method=slow)
    monkeypatch.setitem(messages, "UpdateProvider", slower)
    first = asyncio.create_task(_changed(admin, provider, {"name": "first"}))
    await began.wait()
    second = asyncio.create_task(_changed(admin, provider, {"name": "second"}, If_Match=tag))
    assert isinstance(system.host, HostService)
    entity = system.host.host.catalog.get(names.provider(provider.rpartition("/")[2]))
    async with asyncio.timeout(5):
        while not entity.mailbox:
            await asyncio.sleep(0.001)
    go_on.set()
    assert ((await first)[0], (await second)[0]) == (200, 412)
    assert (await _seen(admin, provider))[1]["name"] == "first"


async def test_a_repeat_under_its_key_is_answered_as_before(system: InProcessSystem) -> None:
    """Though what it names is no longer there, for it has changed that itself."""
    admin = system.admin()
    provider, _ = await _made(admin)
    tag, _ = await _seen(admin, provider)
    said = {"If_Match": tag, "Idempotency_Key": "once"}
    first = await _changed(admin, provider, {"name": "two"}, **said)
    again = await _changed(admin, provider, {"name": "two"}, **said)
    assert first[:2] == again[:2] and first[0] == 200
    said["Idempotency_Key"] = "twice"
    assert (await _changed(admin, provider, {"name": "two"}, **said))[0] == 412


async def test_a_condition_counts_where_nothing_is_to_be_changed(system: InProcessSystem) -> None:
    """And one that cannot be read is refused, also under a key that was used without it."""
    admin = system.admin()
    for said, status in (('"other"', 412), ("", 422), ("1a2b", 422), ("*", 200)):
        assert (await _changed(admin, "/api/users/me", {}, If_Match=said))[0] == status, said
    key = {"Idempotency_Key": "once"}
    assert (await _changed(admin, PREFERENCE, {}, **key))[0] == 200
    assert (await _changed(admin, PREFERENCE, {}, If_Match='"other"', **key))[0] == 422
    async with admin.get(PREFERENCE, headers={"If-None-Match": "1a2b"}) as response:
        assert response.status == 422


async def test_where_nothing_has_a_tag_no_condition_holds(system: InProcessSystem) -> None:
    """To overlook it would be to lose somebody's change."""
    admin = system.admin()
    headers = {"If-Match": '"any"'}
    for path, body in ((PROVIDERS, {"name": "x", "base_url": "http://x/v1"}), ("/api/chat", {})):
        async with admin.post(path, json={"message": "x", **body}, headers=headers) as response:
            assert response.status in (412, 422), path
    async with admin.get(PROVIDERS) as response:
        assert await response.json() == []
    viewer = await system.new_user("vera", ("viewer",))
    async with viewer.put(PREFERENCE, json={}, headers={"If-Match": "*"}) as response:
        assert response.status == 403


async def test_a_packed_answer_has_a_tag_of_its_own_that_is_as_good(
    system: InProcessSystem,
) -> None:
    """Other bytes, the same object: its caller may hold either."""
    admin = system.admin()
    provider, _ = await _made(admin)
    long = "http://127.0.0.1:9/" + "x" * 1_500
    status, _, plain = await _changed(admin, provider, {"base_url": long}, Accept_Encoding="br")
    assert (status, plain is not None) == (200, True)
    packed, _ = await _seen(admin, provider)
    assert plain is not None and packed == plain[:-1] + '-gzip"'
    for tag in (plain, packed):
        async with admin.get(provider, headers={"If-None-Match": tag}) as response:
            assert response.status == 304
    assert (await _changed(admin, provider, {"name": "two"}, If_Match=packed))[0] == 200
