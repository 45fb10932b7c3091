"""Two live keys: one signs, and the one before is believed until its tokens are over."""

from __future__ import annotations

from pathlib import Path

import jwt
import pytest

from tests.unit.web.test_tokens import KEY, NOW, FixedClock
from vareon_runtime.errors import ConfigurationError, Conflict, NotAuthenticated
from web.services import signing_keys
from web.services.key_file import KeyFile
from web.services.tokens import LONGEST_LIFE_S, SESSION_LIFE_S, Tokens


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A key file as the first start makes it."""
    path = tmp_path / "jwt.key"
    path.write_bytes(KEY)
    return path


def rotate(path: Path, now_s: float = NOW, *, drop: bool = False) -> str:
    return signing_keys.rotate(path, now_s, LONGEST_LIFE_S, drop=drop).id


def test_the_last_key_is_believed_until_its_tokens_are_over(key_file: Path) -> None:
    """Then no more, even if a token of it says that it is good for longer."""
    clock = FixedClock()
    before = Tokens(KEY, clock)
    old = before.issue_session("user-1")
    name = rotate(key_file)
    tokens = Tokens(key_file.read_bytes(), clock)
    fresh = tokens.issue_session("user-1")
    assert jwt.get_unverified_header(fresh)["kid"] == name
    assert jwt.get_unverified_header(old)["kid"] != name
    assert tokens.read_session(old) == tokens.read_session(fresh) == "user-1"
    with pytest.raises(NotAuthenticated):
        before.read_session(fresh)
    clock.now_s += SESSION_LIFE_S - 1
    late = before.issue_session("user-1")
    assert tokens.read_session(late) == "user-1"
    clock.now_s += 1
    with pytest.raises(NotAuthenticated):
        tokens.read_session(late)


def test_there_are_never_three(key_file: Path) -> None:
    """A second rotation waits, or drops what was believed."""
    old = Tokens(KEY, FixedClock()).issue_access("user-1")
    first = rotate(key_file)
    with pytest.raises(Conflict, match=r"24\.0 hours"):
        rotate(key_file)
    second = rotate(key_file, NOW + LONGEST_LIFE_S)
    third = rotate(key_file, NOW + LONGEST_LIFE_S, drop=True)
    assert len({first, second, third}) == 3
    assert [key.id for key in signing_keys.read(key_file.read_bytes())] == [third]
    with pytest.raises(NotAuthenticated):
        Tokens(key_file.read_bytes(), FixedClock()).read_access(old)
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert list(key_file.parent.iterdir()) == [key_file]


@pytest.mark.parametrize(
    "text", [b"", b"\n\n", b"short", KEY + b" until 5", KEY + b"\nshort until 5", KEY + b" until x"]
)
def test_files_that_are_none_are_refused(text: bytes) -> None:
    """With what to do."""
    with pytest.raises(ConfigurationError, match="restore"):
        signing_keys.read(text)


def test_a_new_key_is_taken_up_when_it_is_first_met(key_file: Path) -> None:
    """A front door that has not looked yet believes what another has signed with it."""
    tokens = Tokens(KEY, FixedClock())
    watch = KeyFile(key_file, tokens)
    rotate(key_file)
    fresh = Tokens(key_file.read_bytes(), FixedClock()).issue_access("user-1")
    assert tokens.read_access(fresh) == "user-1"
    key_file.write_bytes(b"broken")
    watch.look()
    assert tokens.read_access(fresh) == "user-1"
    key_file.unlink()
    watch.look()
    assert tokens.read_access(fresh) == "user-1"
