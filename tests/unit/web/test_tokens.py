"""Tokens: what is ours is read, and nothing else."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from vareon_runtime.clock import SystemClock
from vareon_runtime.errors import NotAuthenticated
from web.services import signing_keys
from web.services.tokens import ACCESS, ACCESS_LIFE_S, SESSION_LIFE_S, Tokens

KEY = b"0123456789abcdef" * 4
NOW = 1_800_000_000
KEY_ID = signing_keys.read(KEY)[0].id
PRIVATE_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC_KEY = PRIVATE_KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


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
        "ver": 0,
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def signed(
    key: bytes = KEY,
    *,
    algorithm: str = "HS256",
    headers: dict[str, Any] | None = None,
    **said: Any,
) -> str:
    """Made by hand: the library refuses to write some of what others may send."""
    named = {"alg": algorithm, "typ": "JWT", "kid": KEY_ID, **(headers or {})}
    head = part({name: value for name, value in named.items() if value is not None})
    digest = {"HS256": "sha256", "HS512": "sha512"}[algorithm]
    text = f"{head}.{part(claims(**said))}"
    return f"{text}.{encoded(hmac.digest(key, text.encode(), digest))}"


def asymmetric() -> str:
    return jwt.encode(claims(), PRIVATE_KEY, algorithm="RS256", headers={"kid": KEY_ID})


def changed(token: str) -> str:
    head, body, signature = token.split(".")
    return f"{head}.{body[:-1]}{'A' if body[-1] != 'A' else 'B'}.{signature}"


def unsigned(algorithm: str) -> str:
    return f"{part({'alg': algorithm, 'typ': 'JWT', 'kid': KEY_ID})}.{part(claims())}."


def part(value: dict[str, Any]) -> str:
    return encoded(json.dumps(value).encode())


def encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


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


def test_what_it_says_of_itself_is_checked() -> None:
    """The forged ones below differ from this one, which is good, in one thing each."""
    assert Tokens(KEY, FixedClock()).read_access(signed()) == "user-1"


FORGED: dict[str, str] = {
    "empty": "",
    "no parts": "nonsense",
    "empty parts": "..",
    "no text": "\udcff.\udcff.\udcff",
    "too long": "x" * 100_000,
    "alg none": unsigned("none"),
    "alg None": unsigned("nOnE"),
    "alg HS256 and no signature": unsigned("HS256"),
    "another algorithm": signed(algorithm="HS512"),
    "another key": signed(b"another key " * 4),
    "a public key as the secret": signed(PUBLIC_KEY),
    "an asymmetric algorithm": asymmetric(),
    "an empty key": signed(b""),
    "a key in its header": signed(b"another key " * 4, headers={"jwk": {"kty": "oct", "k": "eA"}}),
    "the address of a key": signed(b"another key " * 4, headers={"jku": "http://evil.test"}),
    "what must be understood": signed(headers={"crit": ["exp"]}),
    "no key named": signed(headers={"kid": None}),
    "an unknown key": signed(headers={"kid": "0123456789abcdef"}),
    "a key by a path": signed(headers={"kid": "../../dev/null"}),
    "changed afterwards": changed(signed()),
    "expired": signed(exp=NOW - 1),
    "expires now": signed(exp=NOW),
    "never expires": signed(exp=None),
    "expires soon": signed(exp="soon"),
    "expires in a fraction": signed(exp=NOW + 60.5),
    "from the future": signed(iat=NOW + 31, exp=NOW + 7200),
    "from no time": signed(iat=None),
    "nobody's": signed(sub=None),
    "of an empty name": signed(sub=""),
    "of a number": signed(sub=7),
    "without an id": signed(jti=None),
    "of no version": signed(ver=None),
    "of a version that is true": signed(ver=True),
    "of a session that is none": signed(sid=5),
    "a cookie's": signed(aud="vareon-session"),
    "a ticket": signed(aud="vareon-ws-ticket"),
    "for nobody": signed(aud=None),
    "by somebody": signed(iss="somebody"),
    "by nobody": signed(iss=None),
}


@pytest.mark.parametrize("token", FORGED.values(), ids=FORGED)
def test_anything_else_is_refused(token: str) -> None:
    """Forged, expired, or meant for something else."""
    with pytest.raises(NotAuthenticated):
        Tokens(KEY, FixedClock()).read_access(token)
