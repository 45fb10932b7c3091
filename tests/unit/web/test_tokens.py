"""Tokens: what is ours is read, and nothing else."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest

from vareon_runtime.clock import SystemClock
from vareon_runtime.errors import NotAuthenticated
from web.services.tokens import ACCESS, ACCESS_LIFE_S, SESSION_LIFE_S, Tokens

KEY = b"0123456789abcdef" * 4
NOW = 1_800_000_000


class FixedClock(SystemClock):
    """A time that a test chooses."""

    def __init__(self, now_s: float = NOW) -> None:
        self.now_s = now_s

    def time(self) -> float:
        return self.now_s


def claims(**changes: Any) -> dict[str, Any]:
    good = {
        "iss": "vareon",
        "aud": ACCESS,
        "sub": "user-1",
        "jti": "x",
        "iat": NOW,
        "exp": NOW + 60,
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def signed(key: bytes = KEY, **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm="HS256")


def unsigned(algorithm: str) -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims())}."


def test_what_was_issued_is_read() -> None:
    """A token names its user until it expires."""
    clock = FixedClock()
    tokens = Tokens(KEY + b"\n", clock)
    access, session = tokens.issue_access("user-1"), tokens.issue_session("user-1")
    assert tokens.read_access(access) == "user-1"
    assert tokens.read_session(session) == "user-1"
    clock.now_s += ACCESS_LIFE_S
    with pytest.raises(NotAuthenticated):
        tokens.read_access(access)
    assert tokens.read_session(session) == "user-1"
    clock.now_s += SESSION_LIFE_S
    with pytest.raises(NotAuthenticated):
        tokens.read_session(session)


def test_each_kind_is_good_for_its_own_place_only() -> None:
    """A cookie's token is no header's token, and the other way round."""
    tokens = Tokens(KEY, FixedClock())
    with pytest.raises(NotAuthenticated):
        tokens.read_session(tokens.issue_access("user-1"))
    with pytest.raises(NotAuthenticated):
        tokens.read_access(tokens.issue_session("user-1"))


@pytest.mark.parametrize(
    "token",
    [
        "",
        "nonsense",
        "a.b.c",
        "\udcff.\udcff.\udcff",
        "x" * 100_000,
        unsigned("none"),
        unsigned("None"),
        unsigned("HS256"),
        signed(key=b"another key " * 4),
        signed(exp=NOW - 1),
        signed(exp=None),
        signed(exp="soon"),
        signed(iat=NOW + 3600, exp=NOW + 7200),
        signed(iat=None),
        signed(sub=None),
        signed(sub=""),
        signed(jti=None),
        signed(aud="vareon-session"),
        signed(aud=None),
        signed(iss="somebody"),
        signed(iss=None),
        jwt.encode(claims(), KEY, algorithm="HS512"),
    ],
)
def test_anything_else_is_refused(token: str) -> None:
    """Forged, expired, or meant for something else."""
    with pytest.raises(NotAuthenticated):
        Tokens(KEY, FixedClock()).read_access(token)
