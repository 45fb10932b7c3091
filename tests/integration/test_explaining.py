"""Messages are explained, traces are shown as trees, and nobody sees what is not theirs."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner

from tests.support.system import InProcessSystem
from tests.support.upstream import Upstream
from web.cli import main

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


async def found(client: aiohttp.ClientSession, path: str, status: int = 200) -> Any:
    async with client.get(f"/api/system/{path}") as response:
        assert response.status == status, await response.text()
        return await response.json()


async def add(client: aiohttp.ClientSession, key: str = "a", **headers: str) -> str:
    """Count one; the trace it was done in."""
    path = f"/api/entities/counter/{key}/Add"
    async with client.post(path, json={"amount": 1}, headers=headers) as response:
        assert response.status == 200, await response.text()
        return response.headers["X-Trace-Id"]


async def test_a_command_is_explained_from_its_row(system: InProcessSystem) -> None:
    admin = system.admin()
    trace_id = await add(admin)
    told = await found(admin, f"messages/{trace_id}")
    assert told["id"] == str(uuid.UUID(trace_id))
    assert told["trace_id"] == trace_id
    assert (told["message"], told["source"], told["state"]) == ("Add", "ask", "handled")
    assert told["entity"] == f"counter/{system.admin_id}:a"
    assert (told["user_id"], told["known_from"]) == (system.admin_id, "rows")
    assert told["owner"]["host"] == "host"
    assert told["epoch"] == told["owner"]["epoch"] > 0
    assert 0 <= told["waited_ms"] < 10_000
    assert 0 < told["ran_ms"] < 10_000
    assert told["reply"]["code"] is None
    assert told["committed_at"] >= told["began_at"][:10]
    assert len(told["passed"]) == 1
    assert "handled" in told["summary"]


async def test_a_query_is_remembered_and_a_failure_too(system: InProcessSystem) -> None:
    admin = system.admin()
    async with admin.get("/api/entities/counter/a/GetCount") as response:
        assert response.status == 404
        failed = response.headers["X-Trace-Id"]
    await add(admin)
    async with admin.get("/api/entities/counter/a/GetCount") as response:
        assert response.status == 200
        seen = response.headers["X-Trace-Id"]
    told = await found(admin, f"messages/{seen}")
    assert (told["message"], told["state"], told["known_from"]) == ("GetCount", "handled", "memory")
    told = await found(admin, f"messages/{failed}")
    assert (told["state"], told["code"]) == ("failed", "not_found")
    told = await found(admin, f"messages/{uuid.uuid4()}", 404)
    assert "VAREON_INBOX_HOURS" in told["detail"]
    assert "no id" in (await found(admin, "messages/nothing", 404))["detail"]


async def test_a_callers_own_trace_goes_on(system: InProcessSystem) -> None:
    admin = system.admin()
    assert await add(admin, "a", traceparent=PARENT) == TRACE
    assert await add(admin, "b", traceparent=PARENT) == TRACE
    told = await found(admin, f"traces/{TRACE}")
    assert [one["message"] for one in told["messages"]] == ["Add", "Add"]
    assert {one["depth"] for one in told["messages"]} == {0}
    assert await add(admin, "c", traceparent="00-nonsense") != TRACE


async def test_a_chat_turn_is_a_tree_with_the_choice_of_its_model(
    system: InProcessSystem, upstream: Upstream
) -> None:
    await system.connect_model(upstream.base_url)
    bob = await system.new_user("bob")
    async with bob.post("/api/chat", json={"message": "hello"}) as response:
        assert response.status == 200, await response.text()
        trace_id = response.headers["X-Trace-Id"]
    trace = await found(bob, f"traces/{trace_id}")
    steps = {one["message"]: one for one in trace["messages"]}
    said, answered, chosen = steps["PostMessage"], steps["answer"], steps["ChooseModel"]
    assert answered["parent"] == said["id"]
    assert chosen["parent"] == answered["id"]
    assert (answered["source"], answered["depth"]) == ("effect", said["depth"] + 1)
    assert "fake-small" in answered["remark"]
    assert trace["took_ms"] >= answered["ran_ms"]
    told = await found(bob, f"messages/{said['id']}")
    assert "answer" in [one["message"] for one in told["followed_by"]]
    sent = upstream.requests[-1]
    version, its_trace, its_span, _ = sent.headers["traceparent"].split("-")
    assert (version, its_trace) == ("00", trace_id)
    assert its_span == uuid.UUID(answered["id"]).hex[16:]


async def test_nobody_sees_what_is_not_theirs(system: InProcessSystem) -> None:
    admin, bob = system.admin(), await system.new_user("bob")
    viewer = await system.new_user("vera", ("viewer",))
    operator = await system.new_user("olga", ("operator",))
    trace_id = await add(bob)
    for stranger in (viewer, await system.new_user("carl")):
        for path in ("messages", "traces"):
            await found(stranger, f"{path}/{trace_id}", 404)
    for path in ("messages", "traces"):
        await found(bob, f"{path}/{trace_id}")
        await found(operator, f"{path}/{trace_id}")
    entity = (await found(admin, f"messages/{trace_id}"))["entity"]
    await found(bob, f"entities/{entity}", 403)
    told = await found(operator, f"entities/{entity}")
    assert (told["state"], told["active"], told["version"]) == ({"total": 1}, True, 1)
    assert [one["message"] for one in told["recent"]] == ["Add"]
    await found(operator, "entities/counter/nobody", 404)


async def test_secrets_of_an_entity_are_masked(system: InProcessSystem) -> None:
    admin = system.admin()
    told = await found(admin, f"entities/user/{system.admin_id}")
    assert told["state"]["username"] == "admin"
    secret = {name: value for name, value in told["state"].items() if "password" in name}
    assert secret
    assert set(secret.values()) == {"***"}


async def test_the_command_line_shows_them(system: InProcessSystem) -> None:
    token = await system.token()
    trace_id = await add(system.client(token))
    where = ["--url", system.url, "--token", token]

    async def run(*arguments: str) -> str:
        result = await asyncio.to_thread(CliRunner().invoke, main, [*arguments, *where])
        assert result.exit_code == 0, result.output
        return result.output

    told = await run("explain", trace_id)
    assert "was handled by counter/" in told
    assert "known from  its row" in told
    assert json.loads(await run("explain", trace_id, "--json"))["trace_id"] == trace_id
    told = await run("trace", trace_id)
    assert f"trace {trace_id}: 1 message" in told
    assert "█" in told
    assert json.loads(await run("trace", trace_id, "--json"))["id"] == trace_id
    entity = json.loads(await run("explain", trace_id, "--json"))["entity"]
    told = await run("entity", entity)
    assert '"total": 1' in told
    assert "Add" in told
    result = await asyncio.to_thread(
        CliRunner().invoke, main, ["explain", str(uuid.uuid4()), *where]
    )
    assert result.exit_code == 1
    assert "VAREON_INBOX_HOURS" in result.output


@pytest.mark.parametrize(
    "given",
    [
        "",
        "ff-" + PARENT[3:],
        "00-" + "0" * 32 + "-00f067aa0ba902b7-01",
        f"00-{TRACE}-" + "0" * 16 + "-01",
        PARENT.upper(),
        PARENT[:-1],
    ],
)
async def test_what_is_no_traceparent_is_as_if_it_were_not_there(
    system: InProcessSystem, given: str
) -> None:
    assert await add(system.admin(), traceparent=given) != TRACE
