"""Search over real HTTP: by the beginnings of words, as soon as written, by their owner."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from tests.support.system import InProcessSystem


async def found(client: aiohttp.ClientSession, query: str, **more: Any) -> list[tuple[str, str]]:
    async with client.get("/api/search", params={"query": query, **more}) as response:
        assert response.status == 200, await response.text()
        return [(hit["type"], hit["name"]) for hit in await response.json()]


async def titled(client: aiohttp.ClientSession, title: str) -> str:
    async with client.post("/api/chat/conversations", json={"title": title}) as response:
        assert response.status == 200
        return str((await response.json())["id"])


async def member(system: InProcessSystem, name: str) -> aiohttp.ClientSession:
    admin = await system.sign_in()
    body = {"username": name, "password": "long enough"}
    async with admin.post("/api/users", json=body) as response:
        assert response.status == 201
    return system.client(await system.token(name, "long enough"))


async def test_what_is_written_is_found_and_what_is_deleted_is_not(
    system: InProcessSystem,
) -> None:
    """In the transaction that writes it: the next request sees it."""
    ada = await member(system, "ada")
    conversation = await titled(ada, "Überraschung im Gewächshaus")
    assert await found(ada, "uberr gewachs") == [("conversation", "Überraschung im Gewächshaus")]
    assert await found(ada, "uberr nothing") == []
    said = {"message": "Wie viele Tomaten tragen Früchte?", "conversation_id": conversation}
    async with ada.post("/api/chat", json=said) as response:
        assert response.status == 200
    hits = await found(ada, "tomaten", type="message")
    assert [kind for kind, _ in hits] == ["message"]
    assert "Tomaten" in hits[0][1]
    async with ada.delete(f"/api/chat/conversations/{conversation}") as response:
        assert response.status == 200
    assert await found(ada, "uberr") == []
    assert await found(ada, "tomaten") == []


async def test_nobody_finds_what_is_not_theirs(system: InProcessSystem) -> None:
    """Except for an administrator; and what is everybody's is found by all who may use it."""
    ada, bob = await member(system, "ada"), await member(system, "bob")
    await titled(ada, "a private affair")
    assert await found(ada, "affair") == [("conversation", "a private affair")]
    assert await found(bob, "affair") == []
    admin = await system.sign_in()
    assert await found(admin, "affair") == [("conversation", "a private affair")]
    provider = {"name": "Llamas at home", "base_url": "http://127.0.0.1:9/v1"}
    async with admin.post("/api/cognisys/providers", json=provider) as response:
        assert response.status == 201
    assert await found(bob, "llamas") == [("llm_provider", "Llamas at home")]
    assert ("user", "bob") in await found(admin, "bob")
    assert await found(ada, "bob") == []


async def test_titles_count_more_than_what_was_said(system: InProcessSystem) -> None:
    """The best comes first, and pages go on where the last one ended."""
    ada = await member(system, "ada")
    said = {"message": "a walrus, among many other things that were said at some length here"}
    async with ada.post("/api/chat", json=said) as response:
        assert response.status == 200
    await titled(ada, "walrus")
    first = await found(ada, "walrus", limit=1)
    assert first == [("conversation", "walrus")]
    rest = await found(ada, "walrus", skip=1)
    assert first[0] not in rest
    assert len(rest) >= 1


@pytest.mark.parametrize("query", ['"', "* OR *", "scope:all", "a AND NOT b", "^", "()", "-", "𝄞"])
async def test_no_text_is_a_command(system: InProcessSystem, query: str) -> None:
    """Whatever the index would make of it."""
    admin = await system.sign_in()
    await found(admin, query)


async def test_a_wrong_question_is_refused(system: InProcessSystem) -> None:
    """Nothing to look for, or too much of it."""
    admin = await system.sign_in()
    for params in ({}, {"query": ""}, {"query": "x" * 201}, {"query": "x", "limit": "101"}):
        async with admin.get("/api/search", params=params) as response:
            assert response.status == 422
    async with system.client().get("/api/search", params={"query": "x"}) as response:
        assert response.status == 401
