"""The chat socket: several on one conversation, resuming, resending, cancelling."""

from __future__ import annotations

import uuid
from typing import Any

import aiohttp
import pytest

from tests.support.chat_client import ChatClient
from tests.support.system import InProcessSystem
from tests.support.upstream import Upstream


def fresh() -> str:
    return str(uuid.uuid4())


async def test_the_first_message_begins_the_conversation(
    system: InProcessSystem, upstream: Upstream
) -> None:
    """Accepted once committed, then pieces, then the stored message."""
    await system.connect_model(upstream.base_url)
    admin, conversation = system.admin(), fresh()
    async with ChatClient(admin, conversation, protocols=("vareon.v1",)) as client:
        assert client.socket.protocol == "vareon.v1"
        await client.say("hello there", "mine-1")
        accepted = await client.next()
        assert accepted["type"] == "accepted"
        assert accepted["id"] == "mine-1"
        done = await client.until("done")
    assert done["turn"] == accepted["turn"]
    assert client.shown(done["turn"]) == done["message"]["message_content"]
    assert done["message"]["message_content"] == "(1) You said: hello there"
    assert done["usage"]
    assert done["route"]
    async with admin.get(f"/api/chat/history/{conversation}") as response:
        kept = await response.json()
    assert [one["id"] for one in kept] == [accepted["message_id"], done["message"]["id"]]
    assert kept[1] == done["message"]


async def test_every_socket_of_a_conversation_sees_it(
    system: InProcessSystem, upstream: Upstream
) -> None:
    """One that was there before it began, one that comes while it streams, one afterwards."""
    await system.connect_model(upstream.base_url)
    admin, conversation = system.admin(), fresh()
    upstream.script("gate")
    async with (
        ChatClient(admin, conversation) as first,
        ChatClient(admin, conversation) as second,
    ):
        await first.say("a b c d e f")
        await first.until("delta")
        await second.until("accepted")
        async with ChatClient(admin, conversation) as third:
            await third.until("delta")
            upstream.release()
            clients = (first, second, third)
            done = [await client.until("done") for client in clients]
            assert done[0] == done[1] == done[2]
            for client in clients:
                assert client.shown(done[0]["turn"]) == done[0]["message"]["message_content"]
            await third.say("thanks")
            for client in clients:
                assert (await client.until("done"))["message"]["message_content"].endswith("thanks")


async def test_a_client_resumes_where_it_was(system: InProcessSystem, upstream: Upstream) -> None:
    """In mid-stream and after the end, with nothing missing or doubled."""
    await system.connect_model(upstream.base_url)
    admin, conversation = system.admin(), fresh()
    upstream.script("gate")
    async with ChatClient(admin, conversation) as client:
        await client.say("one two three four five six")
        seen = await client.until("delta")
    known = seen["text"][:-2]
    position = {"generation": seen["generation"], "offset": len(known)}
    async with ChatClient(admin, conversation) as again:
        await again.send(type="resume", turn=seen["turn"], **position)
        again.frames = [{**seen, "text": known, "offset": len(known)}]
        await again.until("delta")
        upstream.release()
        done = await again.until("done", turn=seen["turn"])
        assert again.shown(seen["turn"]) == done["message"]["message_content"]
        async with ChatClient(admin, conversation) as late:
            await late.send(type="resume", turn=seen["turn"], **position)
            assert (await late.until("done", turn=seen["turn"]))["message"] == done["message"]
            await late.send(type="resume", turn=seen["turn"], **position)
            assert (await late.until("done", turn=seen["turn"]))["message"] == done["message"]


async def test_a_resent_id_is_the_first_turn(system: InProcessSystem, upstream: Upstream) -> None:
    """On the same socket and on a new one; another text under it is refused."""
    await system.connect_model(upstream.base_url)
    admin, conversation = system.admin(), fresh()
    async with ChatClient(admin, conversation) as client:
        await client.say("hello", "same")
        accepted = await client.until("accepted")
        done = await client.until("done")
        await client.say("hello", "same")
        assert await client.next() == accepted
        await client.say("hello", "same")
        assert await client.next() == accepted
        await client.say("something else", "same")
        error = await client.next()
        assert (error["type"], error["code"], error["id"]) == ("error", "id_reused", "same")
    async with ChatClient(admin, conversation) as later:
        await later.say("hello", "same")
        assert await later.next() == accepted
        assert (await later.until("done"))["message"] == done["message"]
    assert len(upstream.requests) == 1


async def test_what_is_said_meanwhile_is_answered_next(
    system: InProcessSystem, upstream: Upstream
) -> None:
    """Accepted at once, in order."""
    await system.connect_model(upstream.base_url)
    upstream.script("gate")
    async with ChatClient(system.admin(), fresh()) as client:
        await client.say("first", "1")
        await client.until("delta")
        await client.say("second", "2")
        await client.until("accepted", id="2")
        upstream.release()
        answers = [(await client.until("done"))["message"]["message_content"] for _ in range(2)]
    assert answers[0].endswith("first")
    assert answers[1].endswith("second")


async def test_cancelling_ends_the_turn(system: InProcessSystem, upstream: Upstream) -> None:
    """With an error that says so; nothing of the answer is kept, the next turn works."""
    await system.connect_model(upstream.base_url)
    admin, conversation = system.admin(), fresh()
    upstream.script("gate")
    async with ChatClient(admin, conversation) as client:
        await client.say("never mind")
        turn = (await client.until("delta"))["turn"]
        await client.send(type="cancel")
        error = await client.until("error")
        assert (error["turn"], error["code"], error["retryable"]) == (turn, "cancelled", False)
        await client.send(type="cancel")
        await client.say("go on")
        assert (await client.until("done"))["message"]["message_content"].endswith("go on")
    async with admin.get(f"/api/chat/history/{conversation}") as response:
        assert [one["sender"] for one in await response.json()] == ["user", "user", "llm"]


async def test_upstream_trouble_is_an_error_frame(
    system: InProcessSystem, upstream: Upstream
) -> None:
    """Typed, with when to try again."""
    await system.connect_model(upstream.base_url)
    async with ChatClient(system.admin(), fresh()) as client:
        for behaviour, code in (
            ("429", "upstream_rate_limited"),
            ("cut", "upstream_incomplete"),
            ("garbage", "upstream_invalid"),
        ):
            upstream.script(behaviour)
            await client.say("hello")
            error = await client.until("error")
            assert error["code"] == code
            assert error["detail"]
            assert (error.get("retry_after_s") == 7) == (behaviour == "429")


async def test_another_users_conversation_is_unknown(system: InProcessSystem) -> None:
    """As is anything that is no id; the owner's socket is not disturbed."""
    bea, cid, conversation = await system.new_user("bea"), await system.new_user("cid"), fresh()
    async with ChatClient(bea, conversation) as hers:
        await hers.say("mine")
        await hers.until("done")
        for unknown in (conversation, "nonsense", "1", "%00", "' OR 1=1"):
            async with ChatClient(cid, unknown) as client:
                assert await client.closed() == 4404
        await hers.say("still mine")
        await hers.until("done")
    async with ChatClient(system.admin(), conversation) as admin:
        await admin.say("hello from the administrator")
        await admin.until("done")


async def test_a_deleted_conversation_closes_its_sockets(system: InProcessSystem) -> None:
    """With the code of an unknown one."""
    admin, conversation = system.admin(), fresh()
    async with ChatClient(admin, conversation) as client:
        await client.say("hello")
        await client.until("done")
        async with admin.delete(f"/api/chat/conversations/{conversation}") as response:
            assert response.status == 200
        assert await client.closed() == 4404


async def test_where_a_socket_carries_its_token(system: InProcessSystem) -> None:
    """A cookie is only good on this site's own pages, which name themselves."""
    for place, origin, status in (
        ("cookie", None, 403),
        ("cookie", "same", 101),
        ("cookie", "http://evil.test", 403),
        ("cookie", "null", 403),
        ("cookie", "suffix", 403),
        ("cookie and query", None, 101),
        ("header", None, 101),
        ("query", "http://evil.test", 101),
        ("protocol", "http://evil.test", 101),
        ("nowhere", None, 401),
    ):
        options, client = carried(system, place, origin), system.client()
        if status == 101:
            async with ChatClient(client, fresh(), **options) as chat:
                await chat.say("hello")
                await chat.until("done")
                assert chat.socket.protocol == ("vareon.v1" if place == "protocol" else None)
        else:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await client.ws_connect(f"/ws/chat/{fresh()}", **options)
            assert refused.value.status == status


def carried(system: InProcessSystem, place: str, origin: str | None) -> dict[str, Any]:
    access = system.tokens.issue_access(system.admin_id)
    session = system.tokens.issue_session(system.admin_id)
    headers = {"Cookie": f"vareon_session={session}"} if "cookie" in place else {}
    if place == "header":
        headers["Authorization"] = f"Bearer {access}"
    if origin is not None:
        own = {"same": system.url, "suffix": f"{system.url}.evil.test"}
        headers["Origin"] = own.get(origin, origin)
    options: dict[str, Any] = {"headers": headers}
    if "query" in place:
        options["params"] = {"token": access}
    if place == "protocol":
        options["protocols"] = ("vareon.v1", f"bearer.{access}")
    return options
