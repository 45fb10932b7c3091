"""Secrets that were used are nowhere to be found afterwards: not in files, logs or answers."""

from __future__ import annotations

import base64
import gzip
import io
import logging
from pathlib import Path

from tests.integration.test_registration import Heard
from tests.integration.test_roles_http import call
from tests.support.system import InProcessSystem
from tests.support.upstream import Upstream
from vareon_runtime.launch import archive

NAME, PASSWORD = "canary-user", "canary password of somebody"
PROVIDER_KEY = "sk-canary-of-a-provider-0123456789"


def forms(text: str) -> list[bytes]:
    """As it is, and as it stands in base64 wherever it begins there."""
    raw = text.encode()
    shifted = (base64.b64encode(b"\0" * before + raw) for before in range(3))
    return [raw, *(packed[4:-4] for packed in shifted)]


async def test_no_secret_is_found_where_it_was_used(
    tmp_path: Path, upstream: Upstream, cheap_passwords: None
) -> None:
    """A name that is no secret is found in each place, so that the search is one."""
    heard, log = Heard(), logging.getLogger("vareon")
    level = log.level
    log.addHandler(heard)
    log.setLevel(logging.DEBUG)
    try:
        async with InProcessSystem(tmp_path) as system:
            secrets, answers, audit = await used(system, upstream)
            async with system.admin().get("/metrics") as response:
                assert response.status == 200
                metrics = await response.read()
            database = files(tmp_path)
            copied = io.BytesIO()
            archive.write(tmp_path / "vareon.db", copied, {})
    finally:
        log.setLevel(level)
        log.removeHandler(heard)
    places = {
        "database": database,
        "database after the end": files(tmp_path),
        "backup": gzip.decompress(copied.getvalue()),
        "audit": audit.encode(),
        "answers": answers.encode(),
        "metrics": metrics,
        "logs": "\n".join(heard.lines).encode(),
    }
    for place in ("database", "database after the end", "backup", "audit"):
        assert any(form in places[place] for form in forms(NAME)), place
    assert all(places.values())
    for what, secret in secrets.items():
        for place, content in places.items():
            assert not any(form in content for form in forms(secret)), (what, place)


def files(folder: Path) -> bytes:
    """All bytes of the database, those that are not in its main file yet too."""
    found = sorted(folder.glob("vareon.db*"))
    return b"\n".join(file.read_bytes() for file in found)


async def used(system: InProcessSystem, upstream: Upstream) -> tuple[dict[str, str], str, str]:
    """Use one of each kind, rightly and wrongly: the secrets, refusals, and the audit log."""
    admin, anybody = system.admin(), system.client()
    user = {"username": NAME, "password": PASSWORD, "roles": ["admin"]}
    assert (await call(admin, "POST", "/api/users", user))[0] == 201
    form = {"username": NAME, "password": PASSWORD}
    async with anybody.post("/api/token", data=form) as response:
        pair, cookie = await response.json(), response.cookies["vareon_session"].value
    ann = system.client(pair["access_token"])
    asked = {"name": "laptop"}
    headers = {"Idempotency-Key": "canary-1"}
    async with ann.post("/api/keys", json=asked, headers=headers) as response:
        key = (await response.json())["key"]
    _, ticket = await call(ann, "POST", "/api/ws-ticket")
    refresh = {"refresh_token": pair["refresh_token"]}
    _, renewed = await call(anybody, "POST", "/api/token/refresh", refresh)
    body = {"name": "p", "base_url": upstream.base_url, "api_key": PROVIDER_KEY}
    _, provider = await call(ann, "POST", "/api/cognisys/providers", body)
    model = {"provider_id": provider["id"], "model_name": "fake-small", "type": "chat"}
    assert (await call(ann, "POST", "/api/cognisys/models/", model))[0] == 201
    said = await call(system.client(key), "POST", "/api/chat", {"message": "hello"})
    assert said[0] == 200, said
    refusals = [
        await call(ann, "POST", "/api/cognisys/providers", {**body, "base_url": 5}),
        await call(ann, "POST", "/api/users", {**user, "roles": ["king"]}),
        await call(
            anybody, "POST", "/api/token/refresh", {"refresh_token": pair["refresh_token"] + "x"}
        ),
        await call(system.client(key + "x"), "GET", "/api/users/me"),
        await call(system.client(pair["access_token"] + "x"), "GET", "/api/users/me"),
    ]
    assert all(status >= 400 for status, _ in refusals), refusals
    _, audit = await call(admin, "GET", "/api/system/audit?limit=1000")
    secrets = {
        "password": PASSWORD,
        "provider key": PROVIDER_KEY,
        "access token": pair["access_token"],
        "session": cookie,
        "refresh token": pair["refresh_token"],
        "next refresh token": renewed["refresh_token"],
        "key": key,
        "ticket": ticket["ticket"],
    }
    return secrets, str(refusals), str(audit)
