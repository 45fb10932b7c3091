"""What people do who have an account or want one, over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp

from tests.support.mail_server import MailServer, link_in
from tests.support.system import InProcessSystem

PATIENCE_S = 15.0


async def posted(client: aiohttp.ClientSession, path: str, **body: Any) -> tuple[int, Any]:
    """Status and body of an answer."""
    async with client.post(path, json=body) as response:
        return response.status, await response.json()


async def signed_in(client: aiohttp.ClientSession, login: str, password: str) -> tuple[int, Any]:
    """The same of signing in."""
    async with client.post("/api/token", data={"username": login, "password": password}) as answer:
        return answer.status, await answer.json()


async def me_of(client: aiohttp.ClientSession) -> Any:
    """One's own account."""
    async with client.get("/api/users/me") as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def member(
    system: InProcessSystem, server: MailServer, name: str, password: str = "long enough"
) -> aiohttp.ClientSession:
    """Somebody who registered, opened the letter and signed in."""
    client, email = system.client(), f"{name}@example.org"
    status, body = await posted(
        client, "/api/register", username=name, email=email, password=password
    )
    assert status == 200, body
    link = link_in(await server.letter_to(email))
    assert (await posted(client, "/api/verify-email", **carried(link)))[0] == 200
    return await system.sign_in(name, password)


async def outbox(system: InProcessSystem, *statuses: str) -> list[dict[str, Any]]:
    """All letters, the newest first, once what became of them is committed."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            async with system.admin().get("/api/system/mail") as response:
                mails: list[dict[str, Any]] = await response.json()
            if mails and all(one["status"] in statuses for one in mails):
                return mails
            await asyncio.sleep(0.02)


def carried(link: str) -> dict[str, str]:
    """What a link of a letter carries, behind its question mark or its hash."""
    parts = urlsplit(link)
    assert parts.path in ("/verify-email", "/reset-password")
    found = parse_qs(parts.query or parts.fragment)
    return {name: values[0] for name, values in found.items()}
