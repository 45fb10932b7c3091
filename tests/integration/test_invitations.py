"""Inviting people: a letter, a link, an account, once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.integration.test_people_commands import said
from tests.integration.test_roles_http import call, made_role
from tests.integration.test_users_http import signs_in
from tests.support.system import InProcessSystem
from web.services import policy

PATH = "/api/users/accept-invitation"


async def token_to(system: InProcessSystem, address: str) -> str:
    """What the link of the newest letter to somebody carries; without mail it is in the outbox."""
    async with asyncio.timeout(10):
        while True:
            _, mails = await call(system.admin(), "GET", "/api/system/mail")
            links = [one["link"] for one in mails if one["recipient"] == address and one["link"]]
            if links:
                parts = urlsplit(links[0])
                assert parts.path == "/accept-invitation"
                return parse_qs(parts.fragment)["token"][0]
            await asyncio.sleep(0.02)


async def test_whoever_is_invited_opens_their_account_once(system: InProcessSystem) -> None:
    """With the roles they were meant to have, a role that is gone excepted."""
    admin, anybody = system.admin(), system.client()
    await made_role(system, "auditor", policy.READ_AUDIT)
    gone = await made_role(system, "gone", policy.READ_AUDIT)
    body = {"email": "bea@example.org", "roles": ["operator", "auditor", "gone"]}
    status, invited = await call(admin, "POST", "/api/users/invite", body)
    assert (status, invited["email"]) == (201, "bea@example.org")
    assert "token" not in invited
    assert (await call(admin, "DELETE", f"/api/roles/{gone}"))[0] == 200
    token = await token_to(system, "bea@example.org")
    chosen = {"token": token, "username": "admin", "password": "long enough"}
    assert (await call(anybody, "POST", PATH, chosen))[0] == 400, "the name is taken"
    chosen["username"] = "bea"
    assert (await call(anybody, "POST", PATH, {**chosen, "token": token + "x"}))[0] == 400
    assert (await call(anybody, "POST", PATH, {**chosen, "password": "short"}))[0] == 422
    statuses = await asyncio.gather(*(call(anybody, "POST", PATH, chosen) for _ in range(3)))
    assert sorted(status for status, _ in statuses)[:2] == [201, 400], statuses
    assert (await call(anybody, "POST", PATH, chosen))[0] == 400
    _, (bea,) = await call(admin, "GET", "/api/users?search=bea")
    assert (bea["roles"], bea["email"]) == (["auditor", "operator"], "bea@example.org")
    assert (bea["is_active"], bea["is_verified"]) == (True, True)
    assert await signs_in(system, "bea@example.org", "long enough")
    assert (await call(admin, "POST", "/api/users/invite", body))[0] == 400, "she is here"


async def test_nobody_invites_to_more_than_they_may(system: InProcessSystem) -> None:
    await made_role(system, "host", policy.CREATE_ACCOUNT, policy.READ_ACCOUNT)
    host = await system.new_user("host", ("host",))
    member = await system.new_user("mem")
    body: dict[str, Any] = {"email": "bea@example.org", "roles": ["admin"]}
    assert (await call(host, "POST", "/api/users/invite", body))[0] == 403
    assert (await call(member, "POST", "/api/users/invite", body))[0] == 403
    for wrong in ({"email": "nowhere"}, {"roles": ["king"]}, {"roles": []}):
        status, _ = await call(system.admin(), "POST", "/api/users/invite", {**body, **wrong})
        assert status == 422, wrong
    assert (await call(host, "POST", "/api/users/invite", {**body, "roles": ["host"]}))[0] == 201
    _, mails = await call(system.admin(), "GET", "/api/system/mail")
    assert [one["recipient"] for one in mails] == ["bea@example.org"]


async def test_where_registration_is_closed_an_invitation_opens_nothing(
    tmp_path: Path, cheap_passwords: None
) -> None:
    """One from before neither, and no letter is written that nobody could follow."""
    body = {"email": "bea@example.org", "roles": ["viewer"]}
    async with InProcessSystem(tmp_path) as system:
        assert (await call(system.admin(), "POST", "/api/users/invite", body))[0] == 201
        token = await token_to(system, "bea@example.org")
    async with InProcessSystem(tmp_path, options={"registration": "closed"}) as system:
        chosen = {"token": token, "username": "bea", "password": "long enough"}
        status, refusal = await call(system.client(), "POST", PATH, chosen)
        assert (status, "closed" in refusal["detail"]) == (403, True)
        another = {**body, "email": "cid@example.org"}
        assert (await call(system.admin(), "POST", "/api/users/invite", another))[0] == 403
        assert (await call(system.admin(), "GET", "/api/users?search=bea"))[1] == []
        assert len((await call(system.admin(), "GET", "/api/system/mail"))[1]) == 1


async def test_the_link_opens_a_page(system: InProcessSystem) -> None:
    """And the command line invites as well."""
    told = await said(system, "user", "invite", "bea@example.org", "--role", "viewer")
    assert "a letter to bea@example.org is on its way" in told
    await token_to(system, "bea@example.org")
    async with system.client().get("/accept-invitation") as response:
        assert response.status == 200
        assert f'path: "{PATH}"' in await response.text()
