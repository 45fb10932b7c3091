"""Chat over plain HTTP: whole answers, streamed answers, lists, and whose they are."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from tests.support.system import InProcessSystem
from tests.support.upstream import Upstream
from web.services import chat

UNKNOWN = "0198c0de-0000-7000-8000-000000000001"

TROUBLE = (
    ("401", 502, "upstream_rejected"),
    ("404", 502, "upstream_rejected"),
    ("429", 429, "upstream_rate_limited"),
    ("500", 502, "upstream_unreachable"),
    ("silence", 504, "upstream_timeout"),
    ("stall", 504, "upstream_timeout"),
    ("cut", 502, "upstream_incomplete"),
    ("no-done", 502, "upstream_incomplete"),
    ("garbage", 502, "upstream_invalid"),
    ("web-page", 502, "upstream_invalid"),
    ("huge", 502, "upstream_invalid"),
    ("endless", 502, "upstream_invalid"),
)


async def say(client: aiohttp.ClientSession, message: str, **more: Any) -> dict[str, Any]:
    headers = more.pop("headers", {})
    async with client.post(
        "/api/chat", json={"message": message, **more}, headers=headers
    ) as response:
        assert response.status == 200, await response.text()
        return dict(await response.json())


async def history(client: aiohttp.ClientSession, conversation_id: str) -> list[dict[str, Any]]:
    async with client.get(f"/api/chat/history/{conversation_id}") as response:
        assert response.status == 200
        return list(await response.json())


def events_of(text: str) -> list[tuple[str, str, dict[str, Any]]]:
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        if "event" in fields:
            found.append((fields["event"], fields["id"], json.loads(fields["data"])))
    return found


async def test_without_a_model_the_guide_answers(system: InProcessSystem) -> None:
    """Honestly, and it is kept like any answer."""
    admin = system.admin()
    said = await say(admin, "hello")
    assert said["response"]
    kept = await history(admin, said["conversation_id"])
    assert [(one["sender"], one["message_content"]) for one in kept] == [
        ("user", "hello"),
        ("llm", said["response"]),
    ]
    assert kept[1]["id"] == said["message_id"]
    assert kept[0]["timestamp"].endswith("Z")


async def test_the_model_is_given_the_whole_history(
    system: InProcessSystem, upstream: Upstream
) -> None:
    """Three questions, and the last request carries all that was said."""
    await system.connect_model(upstream.base_url)
    admin = system.admin()
    first = await say(admin, "one")
    for message in ("two", "three"):
        said = await say(admin, message, conversation_id=first["conversation_id"])
    assert said["response"] == "(5) You said: three"
    last = upstream.requests[-1].messages
    assert [m["content"] for m in last if m["role"] == "user"] == ["one", "two", "three"]
    kept = await history(admin, first["conversation_id"])
    assert [one["sender"] for one in kept] == ["user", "llm"] * 3


async def test_conversations_are_listed_and_deleted(system: InProcessSystem) -> None:
    """The newest change first; both slash forms; a deleted one is gone."""
    admin = system.admin()
    async with admin.post("/api/chat/conversations", json={"title": "first"}) as response:
        first = await response.json()
    async with admin.post("/api/chat/conversations/") as response:
        assert (await response.json())["title"] is None
    second = await say(admin, "x" * 80)
    for path in ("/api/chat/conversations", "/api/chat/conversations/"):
        async with admin.get(path) as response:
            listed = await response.json()
    assert listed[0]["id"] == second["conversation_id"]
    assert listed[0]["title"] == "x" * 50
    assert len(listed) == 3
    async with admin.get("/api/chat/conversations?limit=2") as response:
        assert len(await response.json()) == 2
        next_page = response.links["next"]["url"]
    async with admin.get(next_page.relative()) as response:
        assert [one["id"] for one in await response.json()] == [first["id"]]
        assert "Link" not in response.headers
    assert await history(admin, first["id"]) == []
    async with admin.delete(f"/api/chat/conversations/{first['id']}") as response:
        assert await response.json() == {"message": "Conversation deleted", "ok": True}
    for method, path in (
        ("GET", f"/api/chat/history/{first['id']}"),
        ("DELETE", f"/api/chat/conversations/{first['id']}"),
    ):
        async with admin.request(method, path) as response:
            assert response.status == 404
    body = {"message": "again", "conversation_id": first["id"]}
    async with admin.post("/api/chat", json=body) as response:
        assert response.status == 404


async def test_another_users_conversation_does_not_exist(system: InProcessSystem) -> None:
    """Whatever is tried with its id; an administrator may look."""
    bea, cid = await system.new_user("bea"), await system.new_user("cid")
    conversation = (await say(bea, "mine"))["conversation_id"]
    for method, path, body in (
        ("GET", f"/api/chat/history/{conversation}", None),
        ("DELETE", f"/api/chat/conversations/{conversation}", None),
        ("POST", "/api/chat", {"message": "hi", "conversation_id": conversation}),
        ("GET", f"/api/chat/history/{UNKNOWN}", None),
        ("POST", "/api/chat", {"message": "hi", "conversation_id": UNKNOWN}),
    ):
        async with cid.request(method, path, json=body) as response:
            assert response.status == 404, (method, path)
            assert (await response.json())["detail"] == "Conversation not found"
    async with cid.get("/api/chat/conversations") as response:
        assert await response.json() == []
    assert len(await history(bea, conversation)) == 2
    assert len(await history(system.admin(), conversation)) == 2


async def test_a_repeated_request_is_answered_once(
    system: InProcessSystem, upstream: Upstream
) -> None:
    """The same Idempotency-Key gives the same turn, also without a conversation's id."""
    await system.connect_model(upstream.base_url)
    admin = system.admin()
    headers = {"Idempotency-Key": "try-1"}
    first = await say(admin, "once", headers=headers)
    assert await say(admin, "once", headers=headers) == first
    assert len(await history(admin, first["conversation_id"])) == 2
    assert len(upstream.requests) == 1
    async with admin.post("/api/chat", json={"message": "other"}, headers=headers) as response:
        assert response.status == 422


async def test_an_answer_streams_as_events(system: InProcessSystem, upstream: Upstream) -> None:
    """Accepted, pieces, done; a reader that lost its place continues there."""
    await system.connect_model(upstream.base_url)
    admin = system.admin()
    headers = {"Accept": "text/event-stream", "Idempotency-Key": "s"}
    body = {"message": "tell me a story"}
    async with admin.post("/api/chat", json=body, headers=headers) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        events = events_of(await response.text())
    kinds = [kind for kind, _, _ in events]
    assert kinds[0] == "accepted"
    assert kinds[-1] == "done"
    assert set(kinds[1:-1]) == {"delta"}
    text = "".join(data["text"] for kind, _, data in events if kind == "delta")
    done = events[-1][2]
    assert text == done["message"]["message_content"] == "(1) You said: tell me a story"
    turn = events[0][2]["turn"]
    first_delta = next(data for kind, _, data in events if kind == "delta")
    assert events[1][1] == f"{turn}:{first_delta['generation']}:{first_delta['offset']}"
    headers["Last-Event-ID"] = events[-2][1]
    async with admin.post("/api/chat", json=body, headers=headers) as response:
        again = events_of(await response.text())
    assert [kind for kind, _, _ in again] == ["accepted", "done"]
    assert again[0][2]["turn"] == turn
    assert done["message"] == again[-1][2]["message"]


async def test_a_refusal_before_the_first_event_is_a_status(system: InProcessSystem) -> None:
    """Nothing has begun yet."""
    headers = {"Accept": "text/event-stream"}
    body = {"message": "x", "conversation_id": UNKNOWN}
    async with system.admin().post("/api/chat", json=body, headers=headers) as response:
        assert response.status == 404
        assert response.content_type == "application/problem+json"


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_upstream_trouble_is_typed_and_nothing_of_it_is_kept(
    system: InProcessSystem, upstream: Upstream, accept: str
) -> None:
    """The question is kept, a cut answer never; the next question is answered."""
    await system.connect_model(upstream.base_url)
    admin = system.admin()
    for behaviour, status, code in TROUBLE:
        upstream.script(behaviour)
        async with admin.post("/api/chat/conversations", json={}) as response:
            conversation = (await response.json())["id"]
        body = {"message": "hello", "conversation_id": conversation}
        async with admin.post("/api/chat", json=body, headers={"Accept": accept}) as response:
            text = await response.text()
            assert "secret-key" not in text
            if accept == "application/json":
                problem = json.loads(text)["type"]
                assert (response.status, problem) == (status, f"urn:vareon:error:{code}"), behaviour
                assert (response.headers.get("Retry-After") == "7") == (behaviour == "429")
            else:
                last = events_of(text)[-1]
                assert (last[0], last[2]["code"]) == ("error", code), behaviour
        assert [one["sender"] for one in await history(admin, conversation)] == ["user"]
        said = await say(admin, "still there?", conversation_id=conversation)
        assert said["response"].endswith("You said: still there?")


async def test_the_answer_comes_though_nobody_waits(
    system: InProcessSystem, upstream: Upstream
) -> None:
    """A client that hangs up in mid-stream finds the whole answer in the history."""
    await system.connect_model(upstream.base_url)
    admin = system.admin()
    upstream.script("gate")
    headers = {"Accept": "text/event-stream"}
    async with admin.post("/api/chat", json={"message": "a b c"}, headers=headers) as response:
        while b"event: delta" not in await response.content.readline():
            pass
        response.close()
    upstream.release()
    async with admin.get("/api/chat/conversations") as listed:
        conversation = (await listed.json())[0]["id"]
    said = await say(admin, "and?", conversation_id=conversation)
    assert said["response"] == "(3) You said: and?"
    assert (await history(admin, conversation))[1]["message_content"] == "(1) You said: a b c"


async def test_a_provider_that_is_down_is_unreachable(system: InProcessSystem) -> None:
    """Nobody listens there."""
    await system.connect_model("http://127.0.0.1:1/v1")
    async with system.admin().post("/api/chat", json={"message": "hello"}) as response:
        assert response.status == 502
        assert (await response.json())["type"] == "urn:vareon:error:upstream_unreachable"


async def test_a_long_history_is_read_in_pieces(
    system: InProcessSystem, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And looks no different from a short one."""
    await system.connect_model(upstream.base_url)
    admin = system.admin()
    conversation = (await say(admin, "0"))["conversation_id"]
    for number in range(1, 4):
        await say(admin, str(number), conversation_id=conversation)
    whole = await history(admin, conversation)
    assert len(whole) == 8
    monkeypatch.setattr(chat, "SPAN_CHARACTERS", 20)
    assert await history(admin, conversation) == whole
    path = f"/api/chat/history/{conversation}?limit=3"
    pages = []
    while path:
        async with admin.get(path) as response:
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            pages += await response.json()
            link = response.links.get("next")
            path = str(link["url"].relative()) if link else ""
    assert pages == whole
