"""Passwords that bcrypt by itself could not take are passwords like any other."""

from __future__ import annotations

import pytest

from tests.support.system import InProcessSystem
from web.services import passwords

ODD = {
    "72 bytes": "x" * 72,
    "73 bytes": "x" * 73,
    "72 bytes and a character across": "x" * 71 + "é",
    "the longest": "ü" * 512,
    "a zero byte": "before\0after",
    "zero bytes only": "\0" * 8,
    "many bytes a character": "🔑" * 20,
    "right to left": "\u202e\u05e9\u05dc\u05d5\u05dd" * 3,
}


async def test_each_signs_in_as_itself_only(
    system: InProcessSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what differs after 72 bytes, or after a zero byte, differs."""
    monkeypatch.setattr(passwords, "COST", 4)
    admin, client = system.admin(), system.client()
    for number, (what, password) in enumerate(ODD.items()):
        body = {"username": f"user{number}", "password": password}
        async with admin.post("/api/users", json=body) as response:
            assert response.status == 201, what
        for tried, status in ((password, 200), (password[:-1] + "?", 401)):
            form = {"username": body["username"], "password": tried}
            async with client.post("/api/token", data=form) as response:
                assert response.status == status, what


async def test_what_is_none_is_refused(system: InProcessSystem) -> None:
    """Never a 5xx, when signing in, opening an account or registering."""
    client, admin = system.client(), system.admin()
    for password in ("", "\0", "short", "x" * 1025, "é" * 513, "x" * 100_000):
        body = {"username": "ann", "password": password, "email": "ann@example.org"}
        for who, path in ((admin, "/api/users"), (client, "/api/register")):
            async with who.post(path, json=body) as response:
                assert 400 <= response.status < 500, (path, password[:10])
        async with client.post("/api/token", data=body) as response:
            assert response.status in (401, 429), password[:10]
    lone = b'{"username": "ann", "email": "ann@example.org", "password": "\\ud800aaaaaaa"}'
    for path in ("/api/users", "/api/register"):
        headers = {"Content-Type": "application/json"}
        async with admin.post(path, data=lone, headers=headers) as response:
            assert 400 <= response.status < 500, path
