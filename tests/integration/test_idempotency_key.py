"""``Idempotency-Key`` over HTTP: the first outcome again, 422 for another body, 409 meanwhile."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from actors.bootstrap import build_host
from tests.support.keyed_requests import outcome_of, settled
from tests.support.patient import Patient
from tests.support.system import InProcessSystem
from tests.support.upstream import Upstream
from vareon_runtime.clock import SystemClock
from vareon_runtime.hosting import outcome
from vareon_runtime.hosting.bootstrap import HostService
from vareon_runtime.identity import IdSource

COUNT = "/api/entities/counter/mine/"
PROVIDERS = "/api/cognisys/providers"
MODELS = "/api/cognisys/models"


async def new_host(system: InProcessSystem) -> None:
    """Kill the host and start its next life."""
    assert isinstance(system.host, HostService)
    await system.host.host.abandon()
    system.host = await build_host(system.settings, "host")
    await system.host.start()


async def test_changes_are_made_once(system: InProcessSystem) -> None:
    """Create, change and delete: the same status and body, though what they were about is gone."""
    admin = system.admin()
    provider = {"name": "one", "base_url": "http://127.0.0.1:9/v1"}
    made = await outcome_of(admin, "POST", PROVIDERS, "make", provider)
    assert made[0] == 201
    assert await outcome_of(admin, "POST", PROVIDERS + "/", "make", provider) == made
    provider_path = f"{PROVIDERS}/{made[1]['id']}"
    model = {"provider_id": made[1]["id"], "model_name": "small"}
    model_made = await outcome_of(admin, "POST", MODELS, "make", model)
    changed = await outcome_of(admin, "PUT", provider_path, "change", {"name": "two"})
    model_path = f"{MODELS}/{model_made[1]['id']}"
    model_changed = await outcome_of(admin, "PUT", model_path, "x", {"role": "fast"})
    gone = await outcome_of(admin, "DELETE", model_path, "away")
    all_gone = await outcome_of(admin, "DELETE", provider_path, "away")
    assert [done[0] for done in (changed, model_changed, gone, all_gone)] == [200] * 4
    assert await outcome_of(admin, "POST", MODELS, "make", model) == model_made
    assert await outcome_of(admin, "PUT", provider_path, "change", {"name": "two"}) == changed
    assert await outcome_of(admin, "PUT", model_path, "x", {"role": "fast"}) == model_changed
    assert await outcome_of(admin, "DELETE", model_path, "away") == gone
    assert await outcome_of(admin, "DELETE", provider_path, "away") == all_gone
    assert (await outcome_of(admin, "DELETE", provider_path, "another"))[0] == 404


async def test_accounts_preferences_and_conversations_too(system: InProcessSystem) -> None:
    """Whatever is salted or made anew in between."""
    admin = system.admin()
    bea = {"username": "bea", "password": "password of bea", "roles": ["member"]}
    made = await outcome_of(admin, "POST", "/api/users", "u", bea)
    assert made[0] == 201
    assert await outcome_of(admin, "POST", "/api/users", "u", bea) == made
    other = {**bea, "password": "another one"}
    assert (await outcome_of(admin, "POST", "/api/users", "u", other))[0] == 422
    opened = await outcome_of(admin, "POST", "/api/chat/conversations", "c", {"title": "t"})
    assert await outcome_of(admin, "POST", "/api/chat/conversations", "c", {"title": "t"}) == opened
    path = f"/api/chat/conversations/{opened[1]['id']}"
    ended = await outcome_of(admin, "DELETE", path, "c")
    assert ended[0] == 200
    assert await outcome_of(admin, "DELETE", path, "c") == ended
    warm = await outcome_of(admin, "PUT", "/api/arcana/llm/preferences", "p", {"temperature": 0.1})
    cold = {"temperature": 0.9}
    await outcome_of(admin, "PUT", "/api/arcana/llm/preferences", "q", cold)
    again = await outcome_of(admin, "PUT", "/api/arcana/llm/preferences", "p", {"temperature": 0.1})
    assert again == warm
    async with admin.get("/api/arcana/llm/preferences") as response:
        assert (await response.json())["temperature"] == 0.9


async def test_a_key_belongs_to_its_body_principal_and_route(system: InProcessSystem) -> None:
    """Another body is refused, wherever it would have gone; another user or path is another key."""
    admin = system.admin()
    ids = []
    for name in ("one", "two"):
        body = {"name": name, "base_url": "http://127.0.0.1:9/v1"}
        ids.append((await outcome_of(admin, "POST", PROVIDERS, name, body))[1]["id"])
    model = {"provider_id": ids[0], "model_name": "small"}
    assert (await outcome_of(admin, "POST", MODELS, "k", model))[0] == 201
    status, problem = await outcome_of(admin, "POST", MODELS, "k", {**model, "provider_id": ids[1]})
    assert (status, problem["type"]) == (422, "urn:vareon:error:id_reused")
    bea, cid = await system.new_user("bea"), await system.new_user("cid")
    for session, path in ((bea, COUNT), (cid, COUNT), (bea, "/api/entities/counter/yours/")):
        assert await outcome_of(session, "POST", path + "Add", "k", {"amount": 3}) == (200, 3)
        assert await outcome_of(session, "POST", path + "Add", "k", {"amount": 3}) == (200, 3)
        assert (await outcome_of(session, "POST", path + "Add", "k", {"amount": 4}))[0] == 422


async def test_a_request_that_runs_is_told_so(system: InProcessSystem) -> None:
    """At once, also by the front door that comes after it; then it gives the first outcome."""
    admin, path = system.admin(), "/api/entities/patient/p/Wait"
    first = asyncio.create_task(outcome_of(admin, "POST", path, "k", {"by": 2}))
    await Patient.reached.wait()
    status, problem = await outcome_of(admin, "POST", path, "k", {"by": 2})
    assert (status, problem["type"]) == (409, "urn:vareon:error:still_running")
    assert system.front_door is not None
    await system.front_door.stop()
    await asyncio.gather(first, return_exceptions=True)
    await system.start_front_door()
    async with asyncio.timeout(10):
        while (await outcome_of(admin, "POST", path, "k", {"by": 2}))[0] == 503:
            await asyncio.sleep(0)
    assert (await outcome_of(admin, "POST", path, "k", {"by": 2}))[0] == 409
    Patient.go.set()
    assert await settled(admin, "POST", path, "k", {"by": 2}) == (200, 2)


async def test_an_answer_that_is_being_written_is_told_so(
    system: InProcessSystem, upstream: Upstream
) -> None:
    """The chat's outcome is its answer."""
    await system.connect_model(upstream.base_url)
    admin, body = system.admin(), {"message": "one two"}
    upstream.script("gate")
    first = asyncio.create_task(outcome_of(admin, "POST", "/api/chat", "k", body))
    async with asyncio.timeout(10):
        while not upstream.requests:
            await asyncio.sleep(0)
    assert (await outcome_of(admin, "POST", "/api/chat", "k", body))[0] == 409
    upstream.release()
    done = await first
    assert done[0] == 200
    assert await outcome_of(admin, "POST", "/api/chat", "k", body) == done
    assert (await outcome_of(admin, "POST", "/api/chat", "k", {"message": "other"}))[0] == 422
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("path", [COUNT + "Add", "/api/cognisys/providers"])
async def test_a_host_that_dies_between_commit_and_answer(
    system: InProcessSystem, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """The caller hears the first outcome from the next life, and so does a repeat."""
    body: dict[str, Any] = {"amount": 5}
    if path == PROVIDERS:
        body = {"name": "one", "base_url": "http://127.0.0.1:9/v1"}
    committed = asyncio.Event()
    answer = outcome.answer

    def lose(*_: object) -> None:
        committed.set()

    monkeypatch.setattr(outcome, "answer", lose)
    admin = system.admin()
    first = asyncio.create_task(outcome_of(admin, "POST", path, "k", body))
    await committed.wait()
    monkeypatch.setattr(outcome, "answer", answer)
    await new_host(system)
    told = await first
    assert told[0] in (200, 201)
    assert await outcome_of(admin, "POST", path, "k", body) == told
    await new_host(system)
    assert await outcome_of(admin, "POST", path, "k", body) == told
    if path != PROVIDERS:
        async with admin.get(COUNT + "GetCount") as response:
            assert await response.json() == 5


async def test_a_refusal_is_not_kept(system: InProcessSystem) -> None:
    """Nothing happened, so the same request may succeed later."""
    admin = system.admin()
    body = {"provider_id": str(uuid.uuid4()), "model_name": "small"}
    assert (await outcome_of(admin, "POST", MODELS, "k", body))[0] == 404
    assert (await outcome_of(admin, "POST", MODELS, "k", body))[0] == 404


async def test_keys_are_checked(system: InProcessSystem) -> None:
    """1 to 200 printable characters; one that carries its time counts for 24 h."""
    admin = system.admin()

    class Away(SystemClock):
        def __init__(self, by_s: float) -> None:
            self.by_s = by_s

        def time(self) -> float:
            return super().time() + self.by_s

    def key(by_s: float) -> str:
        import random

        return IdSource(Away(by_s), random.Random(1)).text_id()

    for bad, kind in (
        ("", "invalid"),
        ("x" * 201, "invalid"),
        ("caf\u00e9", "invalid"),
        (key(-86_460), "expired"),
        (key(1_000), "expired"),
    ):
        status, problem = await outcome_of(admin, "POST", COUNT + "Add", bad, {"amount": 1})
        assert (status, problem["type"]) == (422, f"urn:vareon:error:{kind}"), bad
    for good in ("x" * 200, "a b~", key(0), key(800), key(-86_340)):
        assert (await outcome_of(admin, "POST", COUNT + "Add", good, {"amount": 1}))[0] == 200
    async with admin.get(COUNT + "GetCount", headers={"Idempotency-Key": "x" * 300}) as response:
        assert await response.json() == 5, "a key means nothing where nothing changes"
