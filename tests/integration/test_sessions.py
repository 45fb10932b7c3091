"""Sessions over HTTP: carried on, listed, ended; at two front doors that share nothing but rows."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from tests.support.system import ADMIN_PASSWORD, InProcessSystem

CHAT = "/ws/chat/0198c0de-0000-7000-8000-000000000001"
FORM = {"username": "admin", "password": ADMIN_PASSWORD}


async def signed_in(client: aiohttp.ClientSession) -> dict[str, Any]:
    async with client.post("/api/token", data=FORM) as response:
        assert response.status == 200
        return {**await response.json(), "cookie": response.cookies["vareon_session"].value}


async def refreshed(client: aiohttp.ClientSession, token: str) -> tuple[int, dict[str, Any]]:
    async with client.post("/api/token/refresh", json={"refresh_token": token}) as response:
        return response.status, await response.json()


def bearer(pair: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {pair['access_token']}"}


async def status(client: aiohttp.ClientSession, headers: dict[str, str]) -> int:
    async with client.get("/api/users/me", headers=headers) as response:
        return response.status


async def test_refresh_tokens_rotate(system: InProcessSystem) -> None:
    """A repeat gives the same pair's token; an old one ends the session, at every front door."""
    first, second = system.client(), system.client(url=await system.open_side_door())
    pair = await signed_in(first)
    assert pair["refresh_token"].startswith("vr_")
    assert pair["refresh_expires_in"] == 30 * 24 * 3600
    code, once = await refreshed(first, pair["refresh_token"])
    again_code, again = await refreshed(second, pair["refresh_token"])
    assert (code, again_code) == (200, 200)
    assert once["refresh_token"] == again["refresh_token"] != pair["refresh_token"]
    code, third = await refreshed(second, again["refresh_token"])
    assert code == 200
    for one in (pair, once, third):
        assert await status(second, bearer(one)) == 200
    code, refusal = await refreshed(first, pair["refresh_token"])
    assert (code, refusal["detail"]) == (401, "This session is over; sign in again.")
    assert (await refreshed(second, third["refresh_token"]))[0] == 401
    async with first.get("/api/sessions", headers=bearer(await signed_in(first))) as response:
        (only,) = await response.json()
    assert only["current"]


@pytest.mark.parametrize("token", ["", "vr_", "x" * 500, "vr_" + "A" * 86, "vr_é", "vk_abc"])
async def test_other_refresh_tokens_are_refused(system: InProcessSystem, token: str) -> None:
    """Nobody is asked about them."""
    code, _ = await refreshed(system.client(), token)
    assert code in (401, 422)


async def test_signing_out_ends_the_session(system: InProcessSystem) -> None:
    """Token, cookie and refresh token of this one; another one goes on."""
    client = system.client()
    pair, other = await signed_in(client), await signed_in(client)
    cookie = {"Cookie": f"vareon_session={pair['cookie']}"}
    assert await status(client, cookie) == 200
    async with client.post("/api/logout", headers=cookie) as response:
        assert response.status == 200
    for headers in (bearer(pair), cookie):
        assert await status(client, headers) == 401
    assert (await refreshed(client, pair["refresh_token"]))[0] == 401
    assert await status(client, bearer(other)) == 200
    async with client.post("/api/logout", headers={**cookie, "Origin": "http://evil.test"}) as no:
        assert no.status == 403


async def test_signing_out_everywhere(system: InProcessSystem) -> None:
    """Whatever was given out before counts no more; signing in again does."""
    client = system.client()
    pairs = [await signed_in(client) for _ in range(3)]
    async with client.post("/api/logout?everywhere=true") as response:
        assert response.status == 401
    async with client.post("/api/logout?everywhere=maybe", headers=bearer(pairs[0])) as response:
        assert response.status == 422
    async with client.post("/api/logout?everywhere=true", headers=bearer(pairs[0])) as response:
        assert response.status == 200
    for pair in pairs:
        assert await status(client, bearer(pair)) == 401
        assert (await refreshed(client, pair["refresh_token"]))[0] == 401
    assert await status(client, bearer(await signed_in(client))) == 200


async def test_sessions_are_listed_and_ended(system: InProcessSystem) -> None:
    """Each user's own."""
    client = system.client(headers={"User-Agent": "a test"})
    pairs = [await signed_in(client) for _ in range(3)]
    async with client.get("/api/sessions", headers=bearer(pairs[1])) as response:
        sessions = await response.json()
    assert [one["current"] for one in sessions] == [False, True, False]
    assert {(one["client"], one["address"]) for one in sessions} == {("a test", "127.0.0.1")}
    bea = await system.new_user("bea")
    path = f"/api/sessions/{sessions[0]['id']}"
    for who, where in ((bea, path), (client, "/api/sessions/nonsense")):
        async with who.delete(where, headers=bearer(pairs[1]) if who is client else {}) as response:
            assert response.status == 404
    async with client.delete(path, headers=bearer(pairs[1])) as response:
        assert (await response.json()) == {"message": "Session ended", "ok": True}
    assert await status(client, bearer(pairs[2])) == 401
    async with client.delete("/api/sessions", headers=bearer(pairs[1])) as response:
        assert response.status == 200
    assert await status(client, bearer(pairs[0])) == 401
    assert await status(client, bearer(pairs[1])) == 200


async def test_sockets_close_when_their_session_ends(system: InProcessSystem) -> None:
    """Within five seconds, also at another front door; the others stay."""
    side_url = await system.open_side_door()
    side = system.client(url=side_url)
    client = system.client()
    pair, other = await signed_in(client), await signed_in(client)
    ended = await side.ws_connect(CHAT, headers=bearer(pair))
    page = {"Cookie": f"vareon_session={pair['cookie']}", "Origin": side_url}
    by_cookie = await side.ws_connect(CHAT, headers=page)
    stays = await side.ws_connect(CHAT, headers=bearer(other))
    async with client.post("/api/logout", headers=bearer(pair)) as response:
        assert response.status == 200
    for socket in (ended, by_cookie):
        message = await socket.receive(timeout=5)
        assert (message.data, socket.close_code) == (4401, 4401)
    with pytest.raises(TimeoutError):
        await stays.receive(timeout=0.1)
    async with client.post("/api/logout?everywhere=true", headers=bearer(other)) as response:
        assert response.status == 200
    await stays.receive(timeout=5)
    assert stays.close_code == 4401
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await client.ws_connect(CHAT, headers=bearer(other))


async def test_a_restart_forgets_nothing(system: InProcessSystem) -> None:
    """A front door keeps no session to itself."""
    client = system.client()
    pair, ended = await signed_in(client), await signed_in(client)
    async with client.post("/api/logout", headers=bearer(ended)) as response:
        assert response.status == 200
    assert system.front_door is not None
    await system.front_door.stop()
    system.events.clear()
    await system.start_front_door()
    await system.told("ready")
    assert await status(client, bearer(pair)) == 200
    assert (await refreshed(client, pair["refresh_token"]))[0] == 200
    assert await status(client, bearer(ended)) == 401


async def test_a_stolen_refresh_token_is_written_down(system: InProcessSystem) -> None:
    """Whose it was, and which session has ended by that."""
    client = system.client()
    pair = await signed_in(client)
    _, second = await refreshed(client, pair["refresh_token"])
    await refreshed(client, second["refresh_token"])
    async with client.get("/api/sessions", headers=bearer(pair)) as response:
        (session,) = await response.json()
    code, refusal = await refreshed(client, pair["refresh_token"])
    assert (code, refusal["type"]) == (401, "urn:vareon:error:token_reused")
    async with asyncio.timeout(5):
        while not (entries := await audited(system, "session.reused")):
            await asyncio.sleep(0.01)
    (entry,) = entries
    assert entry["user_id"] == system.admin_id
    assert entry["target"] == f"session/{session['id']}"
    assert entry["result"] == "token_reused"


async def audited(system: InProcessSystem, action: str) -> list[dict[str, Any]]:
    path = f"/api/system/audit?action={action}"
    async with system.admin().get(path) as response:
        found: list[dict[str, Any]] = await response.json()
        return found
