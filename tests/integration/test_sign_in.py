"""Signing in, who is who, and tokens that are not ours."""

from __future__ import annotations

import base64
import io
import json
import time
from http.cookies import SimpleCookie
from typing import Any

import aiohttp
import jwt
import pytest

from tests.support.system import ADMIN_PASSWORD, InProcessSystem
from web.services import signing_keys

WRONG = "Incorrect username or password"
NO_SIGN_IN: tuple[tuple[dict[str, str], int], ...] = (
    ({"username": "admin", "password": "wrong"}, 401),
    ({"username": "nobody", "password": ADMIN_PASSWORD}, 401),
    ({"username": "", "password": ""}, 401),
    ({"username": "a" * 5000, "password": "b" * 5000}, 401),
    ({"username": "admin' OR 1=1 --", "password": "x"}, 401),
    ({"username": "admin"}, 422),
    ({"password": "x"}, 422),
    ({}, 422),
)


async def test_a_form_gives_a_token_and_a_session(system: InProcessSystem) -> None:
    """Urlencoded and multipart alike; the cookie alone signs in too."""
    client = system.client()
    fields = {"username": "admin", "password": ADMIN_PASSWORD}
    multipart = aiohttp.FormData(fields, default_to_multipart=True)
    for form in (fields, multipart):
        async with client.post("/api/token", data=form) as response:
            assert response.status == 200
            body = await response.json()
            cookie: Any = SimpleCookie(response.headers["Set-Cookie"])["vareon_session"]
        assert body["token_type"] == "bearer"
        assert cookie["httponly"]
        assert (cookie["samesite"], cookie["path"], cookie["secure"]) == ("Strict", "/", "")
    for headers in (
        {"Authorization": f"Bearer {body['access_token']}"},
        {"Cookie": f"vareon_session={cookie.value}"},
    ):
        async with client.get("/api/users/me", headers=headers) as response:
            me = await response.json()
        roles = [role["name"] for role in me["roles"]]
        assert (me["username"], roles, me["id"]) == ("admin", ["admin"], system.admin_id)
    async with client.post("/api/logout") as response:
        assert response.status == 200
        assert "Max-Age=0" in response.headers["Set-Cookie"]


async def test_anything_else_gives_none(system: InProcessSystem) -> None:
    """The answer does not tell whether the user exists."""
    client = system.client()
    for fields, status in NO_SIGN_IN:
        async with client.post("/api/token", data=fields) as response:
            assert response.status == status, fields
            assert "Set-Cookie" not in response.headers
            detail = (await response.json())["detail"]
            assert (detail == WRONG) == (status == 401)


async def test_broken_forms_are_refused(system: InProcessSystem) -> None:
    """Whatever claims to be a form."""
    client = system.client()
    for headers, data in (
        ({"Content-Type": "multipart/form-data"}, b"x"),
        ({"Content-Type": "multipart/form-data; boundary=b"}, b"no parts at all"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"username=%ff&password=\xff"),
        ({"Content-Type": "application/x-www-form-urlencoded; charset=klingon"}, b"a=b"),
        ({"Content-Type": "application/json"}, b'{"username":"admin","password":"x"}'),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"username=a&username=b"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"x" * (2 * 1024 * 1024)),
    ):
        async with client.post("/api/token", data=io.BytesIO(data), headers=headers) as response:
            assert 400 <= response.status < 500, (headers, data[:40])
            assert response.content_type == "application/problem+json"


async def test_administrators_make_users(system: InProcessSystem) -> None:
    """A second user signs in by name or e-mail; nobody else may make users."""
    admin = system.admin()
    body = {"username": "bea", "password": "long enough", "email": "bea@example.org"}
    async with admin.post("/api/users", json=body) as response:
        assert response.status == 201
        made = await response.json()
    assert made["roles"] == ["member"]
    assert "password" not in json.dumps(made)
    async with admin.post("/api/users", json={**body, "email": None}) as response:
        assert response.status == 409
    for name in ("bea", "bea@example.org"):
        member = await system.sign_in(name, "long enough")
    async with member.post("/api/users", json={**body, "username": "cid"}) as response:
        assert response.status == 403
    for wrong in ({"password": "short"}, {"roles": ["king"]}, {"roles": []}, {"username": "a b"}):
        async with admin.post("/api/users", json={**body, "email": None, **wrong}) as response:
            assert response.status == 422


def forged(system: InProcessSystem) -> dict[str, str]:
    """One of each way; `tests/unit/web/test_tokens.py` has them all."""
    now = int(time.time())
    key = signing_keys.read(system.settings.jwt_key_file.read_bytes())[0]
    good = {
        "iss": "vareon",
        "aud": "vareon-api",
        "sub": system.admin_id,
        "jti": "x",
        "iat": now,
        "exp": now + 60,
        "ver": 0,
    }

    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    def signed(with_key: bytes = key.secret, **changes: Any) -> str:
        said = {**good, **changes}
        return jwt.encode(said, with_key, algorithm="HS256", headers={"kid": key.id})

    return {
        "empty": "",
        "nonsense": "nonsense",
        "alg none": f"{part({'alg': 'none', 'kid': key.id})}.{part(good)}.",
        "wrong key": signed(b"another key " * 6),
        "expired": signed(iat=now - 120, exp=now - 60),
        "for the cookie": system.tokens.issue_session(system.admin_id),
        "wrong issuer": signed(iss="somebody"),
        "wrong audience": signed(aud="somebody"),
        "nobody's": signed(sub="00000000-0000-7000-8000-000000000000"),
        "of another version": signed(ver=1),
        "of a session that is over": signed(sid="0198c0de-0000-7000-8000-000000000001"),
    }


async def test_tokens_that_are_not_ours_are_refused(system: InProcessSystem) -> None:
    """Over HTTP, and before a socket is upgraded, wherever the token is carried."""
    client = system.client()
    for what, token in forged(system).items():
        header = {"Authorization": f"Bearer {token}"}
        async with client.get("/api/chat/conversations", headers=header) as response:
            assert response.status == 401, what
            assert response.headers["WWW-Authenticate"] == "Bearer"
        path = "/ws/chat/0198c0de-0000-7000-8000-000000000001"
        for options in (
            {"headers": header},
            {"headers": {"Cookie": f"vareon_session={token or 'x'}", "Origin": system.url}},
            {"params": {"token": token}},
            {"protocols": (f"bearer.{token or 'x'}",)},
        ):
            if what == "for the cookie" and "Cookie" in options.get("headers", {}):
                continue
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await client.ws_connect(path, **options)  # type: ignore[arg-type]
            assert refused.value.status == 401, (what, options)
    async with client.get("/api/chat/conversations") as response:
        assert response.status == 401
        assert (await response.json())["detail"] == "Not authenticated"
