"""Starting, an entity of one's own, and a front door that is replaced in mid-stream."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import aiohttp

from actors.bootstrap import build_host
from tests.support.chat_client import ChatClient
from tests.support.system import InProcessSystem
from tests.support.upstream import Upstream
from vareon_runtime.routing.bootstrap import build_router


async def test_it_says_starting_until_the_host_is_reached(tmp_path: Path) -> None:
    """Only /livez answers before; then it is ready, and told so."""
    system = InProcessSystem(tmp_path)
    await system.prepare()
    await system.start_front_door()
    client = system.client()
    async with client.get("/livez") as response:
        assert response.status == 200
    for path in ("/readyz", "/", "/api/users/me"):
        async with client.get(path) as response:
            assert response.status == 503
            assert int(response.headers["Retry-After"]) >= 1
    system.router = await build_router(system.settings, "router")
    await system.router.start()
    system.host = await build_host(system.settings, "host")
    await system.host.start()
    assert (await system.told("ready"))["admin_created"] is True
    assert (await system.told("models"))["found"] == []
    async with client.get("/readyz") as response:
        assert response.status == 200
        assert set((await response.json())["checks"].values()) == {"ok", "not used"}
    async with client.get("/") as response:
        assert response.content_type == "text/html"
        assert "script-src 'sha256-" in response.headers["Content-Security-Policy"]
        tag = response.headers["ETag"]
    async with client.get("/", headers={"If-None-Match": tag}) as response:
        assert response.status == 304
    await system.stop()


async def test_a_second_start_makes_no_administrator(tmp_path: Path) -> None:
    """The history and the password are still there."""
    async with InProcessSystem(tmp_path) as system:
        async with system.admin().post("/api/chat", json={"message": "hello"}) as response:
            conversation = (await response.json())["conversation_id"]
        system.settings.admin_password_file.unlink()
    async with InProcessSystem(tmp_path) as system:
        assert (await system.told("ready"))["admin_created"] is False
        admin = await system.sign_in()
        async with admin.get(f"/api/chat/history/{conversation}") as response:
            assert len(await response.json()) == 2


async def test_a_later_start_tells_of_the_models_that_are_connected(
    tmp_path: Path, upstream: Upstream
) -> None:
    """Though nothing new is found then."""
    async with InProcessSystem(tmp_path) as system:
        await system.connect_model(upstream.base_url)
    async with InProcessSystem(tmp_path) as system:
        (told,) = (await system.told("models"))["found"]
    assert told == {"name": f"upstream {upstream.base_url} fake-small", "models": 1, "note": ""}


async def test_an_entity_of_ones_own_answers_over_http(system: InProcessSystem) -> None:
    """Each user counts alone, and a repeated request counts once."""
    bea, cid = await system.new_user("bea"), await system.new_user("cid")
    path = "/api/entities/counter/mine/"
    for expected in (5, 10):
        async with bea.post(path + "Add", json={"amount": 5}) as response:
            assert await response.json() == expected
    headers = {"Idempotency-Key": "once"}
    for _ in range(2):
        async with bea.post(path + "Add", json={"amount": 5}, headers=headers) as response:
            assert await response.json() == 15
    async with bea.post(path + "Add", json={"amount": 6}, headers=headers) as response:
        assert response.status == 422
    async with bea.get(path + "GetCount") as response:
        assert await response.json() == 15
    async with cid.get(path + "GetCount") as response:
        assert response.status == 404
    async with bea.get(path + "Add") as response:
        assert response.status == 405


async def test_a_front_door_is_replaced_in_mid_stream(
    system: InProcessSystem, upstream: Upstream
) -> None:
    """Clients are told to come back, connections wait, and the answer goes on where it was."""
    await system.connect_model(upstream.base_url)
    admin, conversation = system.admin(), str(uuid.uuid4())
    upstream.script("gate")
    async with ChatClient(admin, conversation) as client:
        await client.say("one two three four five")
        seen = await client.until("delta")
        assert system.front_door is not None
        stopping = asyncio.create_task(system.front_door.stop())
        assert await client.closed() == 1012
        await stopping
    system.events.clear()
    knocking = asyncio.create_task(knock(system.client()))
    await system.start_front_door()
    assert await knocking == 200
    await system.told("ready")
    known = seen["text"][:-2]
    async with ChatClient(admin, conversation) as again:
        await again.send(
            type="resume", turn=seen["turn"], generation=seen["generation"], offset=len(known)
        )
        again.frames = [{**seen, "text": known, "offset": len(known)}]
        await again.until("delta")
        upstream.release()
        done = await again.until("done")
    assert again.shown(done["turn"]) == done["message"]["message_content"]
    assert done["generation"] == seen["generation"]


async def insist(client: ChatClient, content: str, client_id: str) -> None:
    """Send a message again for as long as it is refused as something to try again."""
    while True:
        await client.say(content, client_id)
        while (frame := await client.next()).get("id") != client_id:
            pass
        if frame["type"] == "accepted":
            return
        assert frame["retryable"]


async def knock(client: aiohttp.ClientSession) -> int:
    async with client.get("/livez") as response:
        return response.status


async def test_a_host_is_replaced_in_mid_stream(
    system: InProcessSystem, upstream: Upstream
) -> None:
    """What was shown is void, the answer comes again in a new generation, and is kept once."""
    await system.connect_model(upstream.base_url)
    admin, conversation = system.admin(), str(uuid.uuid4())
    upstream.script("gate")
    async with ChatClient(admin, conversation) as client:
        await client.say("one two three four five", "mine")
        seen = await client.until("delta")
        assert system.host is not None
        await system.host.stop()
        system.host = await build_host(system.settings, "host")
        await system.host.start()
        reset = await client.until("reset", turn=seen["turn"])
        assert reset["generation"] > seen["generation"]
        done = await client.until("done", turn=seen["turn"])
        assert client.shown(seen["turn"]) == done["message"]["message_content"]
        await client.say("one two three four five", "mine")
        assert (await client.until("accepted"))["turn"] == seen["turn"]
    async with admin.get(f"/api/chat/history/{conversation}") as response:
        assert [one["sender"] for one in await response.json()] == ["user", "llm"]


async def test_a_router_is_replaced_in_mid_stream(
    system: InProcessSystem, upstream: Upstream
) -> None:
    """It costs no turn its answer, nor its generation."""
    await system.connect_model(upstream.base_url)
    admin, conversation = system.admin(), str(uuid.uuid4())
    upstream.script("gate")
    async with ChatClient(admin, conversation) as client:
        await client.say("one two three four five")
        seen = await client.until("delta")
        assert system.router is not None
        await system.router.stop()
        await _not_ready(admin)
        system.router = await build_router(system.settings, "router")
        await system.router.start()
        await insist(client, "and then?", "next")
        upstream.release()
        # both turns may have ended while the link was away: they are told in order all the same
        done = await client.until("done")
        assert (done["turn"], done["generation"]) == (seen["turn"], seen["generation"])
        after = await client.until("done")
        assert after["turn"] != seen["turn"]
        for end in (done, after):
            assert client.shown(end["turn"]) == end["message"]["message_content"]
        assert "reset" not in {frame["type"] for frame in client.frames}


async def _not_ready(client: aiohttp.ClientSession) -> None:
    """Wait until /readyz says so; what it found is remembered for a moment."""
    async with asyncio.timeout(10):
        while True:
            async with client.get("/readyz") as response:
                if response.status == 503:
                    return
            await asyncio.sleep(0.05)
