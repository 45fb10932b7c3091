"""Signed tokens: short ones for the Authorization header, longer ones for the session cookie."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt

from vareon_runtime.clock import Clock
from vareon_runtime.errors import NotAuthenticated
from web.caller import Grant
from web.services import signing_keys

ISSUER = "vareon"
ACCESS = "vareon-api"
SESSION = "vareon-session"
TICKET = "vareon-ws-ticket"
ACCESS_LIFE_S = 3600
SESSION_LIFE_S = 24 * 3600
TICKET_LIFE_S = 30
LONGEST_LIFE_S = max(ACCESS_LIFE_S, SESSION_LIFE_S, TICKET_LIFE_S)
LONGEST_TOKEN = 4096
_CLOCK_SKEW_S = 30
_ALGORITHM = "HS256"
_CLAIMS = ["iss", "aud", "sub", "iat", "exp", "jti", "ver"]
_REFUSAL = "Could not validate credentials"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token with a good signature says."""

    grant: Grant
    token_id: str
    issued_at: int
    expires_at: int

    @property
    def user_id(self) -> str:
        """The user it names."""
        return self.grant.user_id


class Tokens:
    """Issues and reads tokens under the keys of a file.

    Args:
        key: The text of the key file; see `web.services.signing_keys`.
        clock: Decides what has expired.
        unknown_key: Called when a token names a key that we do not know; may call `use`.

    Raises:
        ConfigurationError: If the text holds no key.
    """

    def __init__(
        self, key: bytes, clock: Clock, unknown_key: Callable[[], None] = lambda: None
    ) -> None:
        self._clock = clock
        self.unknown_key = unknown_key
        self.use(key)

    def use(self, key: bytes) -> None:
        """Sign and read with the keys of this text from now on.

        Raises:
            ConfigurationError: If it holds none; then nothing changes.
        """
        keys = signing_keys.read(key)
        self._signing = keys[0]
        self._keys = {key.id: key for key in keys}

    def issue_access(
        self, user_id: str, token_version: int = 0, session_id: str | None = None
    ) -> str:
        """A token for the Authorization header, good for an hour."""
        return self._issue(Grant(user_id, token_version, session_id), ACCESS, ACCESS_LIFE_S)

    def issue_session(
        self, user_id: str, token_version: int = 0, session_id: str | None = None
    ) -> str:
        """A token for the session cookie, good for a day."""
        return self._issue(Grant(user_id, token_version, session_id), SESSION, SESSION_LIFE_S)

    def issue_ticket(self, grant: Grant) -> str:
        """A token that opens one socket, soon."""
        return self._issue(grant, TICKET, TICKET_LIFE_S)

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
                self._secret(token),
                algorithms=[_ALGORITHM],
                audience=audience,
                issuer=ISSUER,
                # The clock that was handed in decides about time, below.
                options={"require": _CLAIMS, "verify_exp": False, "verify_iat": False},
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise NotAuthenticated(_REFUSAL) from error
        return self._checked(claims)

    def _secret(self, token: str) -> bytes:
        """The secret of the key that a token names; whatever else its header says is ignored."""
        header = jwt.get_unverified_header(token)
        name = header.get("kid")
        if header.get("alg") != _ALGORITHM or "crit" in header or not isinstance(name, str):
            raise NotAuthenticated(_REFUSAL)
        if name not in self._keys:
            self.unknown_key()
        key = self._keys.get(name)
        if key is None or not key.live(self._clock.time()):
            raise NotAuthenticated(_REFUSAL)
        return key.secret

    def _checked(self, claims: dict[str, Any]) -> Claims:
        texts = [claims[name] for name in ("sub", "jti")]
        numbers = [claims[name] for name in ("iat", "exp", "ver")]
        optional = [claims.get(name) for name in ("sid", "key")]
        if not (
            all(isinstance(text, str) and text for text in texts)
            and all(type(number) is int for number in numbers)
            and all(text is None or isinstance(text, str) for text in optional)
            and claims["iat"] <= self._clock.time() + _CLOCK_SKEW_S
        ):
            raise NotAuthenticated(_REFUSAL)
        grant = Grant(claims["sub"], claims["ver"], *optional)
        return Claims(grant, claims["jti"], claims["iat"], claims["exp"])

    def _issue(self, grant: Grant, audience: str, life_s: int) -> str:
        now = int(self._clock.time())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": audience,
            "sub": grant.user_id,
            "jti": secrets.token_hex(12),
            "iat": now,
            "exp": now + life_s,
            "ver": grant.token_version,
        }
        if grant.session_id is not None:
            claims["sid"] = grant.session_id
        if grant.key_id is not None:
            claims["key"] = grant.key_id
        key = self._signing
        return jwt.encode(claims, key.secret, algorithm=_ALGORITHM, headers={"kid": key.id})
