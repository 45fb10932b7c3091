"""Refresh tokens: opaque, each traded once for the next.

A token is its session's id, a secret, and a mark that only we can make: whatever lacks the mark is
refused before anybody is asked, so that knowing a session's id is not enough to end it. The first
secret is random. Each next one follows from the one before and a key of ours: whoever trades a
token again, because the answer was lost, gets the same next token, at every front door, and yet
none is stored anywhere but as a digest.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass

from vareon_runtime.errors import NotAuthenticated

PREFIX = "vr_"
LONGEST = 200
_SECRET = 32
_MARK = 16


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """One of ours."""

    session_id: str
    secret: bytes

    @property
    def digest(self) -> bytes:
        """What is stored of it."""
        return hashlib.sha256(self.secret).digest()


class RefreshTokens:
    """Makes and reads them.

    Args:
        key: Known to every front door, and to nobody else.
    """

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.blake2b(key, person=b"refresh tokens", digest_size=64).digest()

    def first(self, session_id: str) -> RefreshToken:
        """The first of a new session."""
        return RefreshToken(session_id, secrets.token_bytes(_SECRET))

    def following(self, token: RefreshToken) -> RefreshToken:
        """The one that this one is traded for."""
        return RefreshToken(token.session_id, self._made(b"next", token, _SECRET))

    def written(self, token: RefreshToken) -> str:
        """As its owner keeps it."""
        mark = self._made(b"mark", token, _MARK)
        whole = uuid.UUID(token.session_id).bytes + token.secret + mark
        return PREFIX + base64.urlsafe_b64encode(whole).decode().rstrip("=")

    def read(self, text: str) -> RefreshToken:
        """The token that was written so.

        Raises:
            NotAuthenticated: If we never wrote it.
        """
        refusal = NotAuthenticated("This refresh token does not count; sign in again.")
        if not text.startswith(PREFIX) or len(text) > LONGEST:
            raise refusal
        encoded = text.removeprefix(PREFIX)
        try:
            whole = base64.b64decode(encoded + "=" * (-len(encoded) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise refusal from error
        if len(whole) != 16 + _SECRET + _MARK:
            raise refusal
        token = RefreshToken(str(uuid.UUID(bytes=whole[:16])), whole[16 : 16 + _SECRET])
        if not hmac.compare_digest(whole[16 + _SECRET :], self._made(b"mark", token, _MARK)):
            raise refusal
        return token

    def _made(self, purpose: bytes, token: RefreshToken, size: int) -> bytes:
        made = hashlib.blake2b(key=self._key, person=purpose, digest_size=size)
        made.update(uuid.UUID(token.session_id).bytes + token.secret)
        return made.digest()
