"""Signed tokens: short ones for the Authorization header, longer ones for the session cookie."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import jwt

from vareon_runtime.clock import Clock
from vareon_runtime.errors import NotAuthenticated

ISSUER = "vareon"
ACCESS = "vareon-api"
SESSION = "vareon-session"
ACCESS_LIFE_S = 3600
SESSION_LIFE_S = 24 * 3600
LONGEST_TOKEN = 4096
_CLOCK_SKEW_S = 60
_ALGORITHM = "HS256"
_CLAIMS = ["iss", "aud", "sub", "iat", "exp", "jti"]
_REFUSAL = "Could not validate credentials"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token with a good signature says."""

    user_id: str
    issued_at: int
    expires_at: int


class Tokens:
    """Issues and reads tokens under one key.

    Args:
        key: The bytes of the key file.
        clock: Decides what has expired.
    """

    def __init__(self, key: bytes, clock: Clock) -> None:
        self._key = key.strip()
        self._clock = clock

    def issue_access(self, user_id: str) -> str:
        """A token for the Authorization header, good for an hour."""
        return self._issue(user_id, ACCESS, ACCESS_LIFE_S)

    def issue_session(self, user_id: str) -> str:
        """A token for the session cookie, good for a day."""
        return self._issue(user_id, SESSION, SESSION_LIFE_S)

    def read_access(self, token: str) -> str:
        """The user a header's token names.

        Raises:
            NotAuthenticated: If it is forged, expired or meant for something else.
        """
        return self.verify(token, ACCESS).user_id

    def read_session(self, token: str) -> str:
        """The user a cookie's token names.

        Raises:
            NotAuthenticated: If it is forged, expired or meant for something else.
        """
        return self.verify(token, SESSION).user_id

    def verify(self, token: str, audience: str) -> Claims:
        """Everything a token says, once it holds.

        Raises:
            NotAuthenticated: If it is forged, expired or meant for something else.
        """
        claims = self.signed_claims(token, audience)
        if claims.expires_at <= self._clock.time():
            raise NotAuthenticated(_REFUSAL)
        return claims

    def signed_claims(self, token: str, audience: str) -> Claims:
        """What a token of ours says, be it expired or not.

        Raises:
            NotAuthenticated: If it is forged or meant for something else.
        """
        if len(token) > LONGEST_TOKEN:
            raise NotAuthenticated(_REFUSAL)
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                audience=audience,
                issuer=ISSUER,
                # The clock that was handed in decides about time, below.
                options={"require": _CLAIMS, "verify_exp": False, "verify_iat": False},
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise NotAuthenticated(_REFUSAL) from error
        user_id, issued_at, expires_at = claims["sub"], claims["iat"], claims["exp"]
        numbers = type(issued_at) is int and type(expires_at) is int
        if not (numbers and isinstance(user_id, str) and user_id):
            raise NotAuthenticated(_REFUSAL)
        if issued_at > self._clock.time() + _CLOCK_SKEW_S:
            raise NotAuthenticated(_REFUSAL)
        return Claims(user_id, issued_at, expires_at)

    def _issue(self, user_id: str, audience: str, life_s: int) -> str:
        now = int(self._clock.time())
        claims = {
            "iss": ISSUER,
            "aud": audience,
            "sub": user_id,
            "jti": secrets.token_hex(12),
            "iat": now,
            "exp": now + life_s,
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)
