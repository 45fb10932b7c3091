"""From a token to a caller, remembering the answer for a few seconds."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from typing import NamedTuple

from vareon_runtime.clock import Clock
from vareon_runtime.errors import NotAuthenticated
from vareon_runtime.identity import Principal
from web.caller import Caller
from web.services.accounts import Accounts
from web.services.policy import granted
from web.services.tokens import Claims, Tokens

REMEMBERED_S = 5.0
"""A change of roles or a closed account takes effect within this time."""
MOST_REMEMBERED = 10_000
RENEW_AFTER_S = 600
"""A session cookie older than this is replaced by a new one, so that it slides."""


class SignedIn(NamedTuple):
    """A caller and the token that named them."""

    caller: Caller
    issued_at: int
    good_until: float


class Authenticator:
    """Reads tokens and looks their users up."""

    def __init__(self, tokens: Tokens, accounts: Accounts, clock: Clock) -> None:
        self._tokens = tokens
        self._accounts = accounts
        self._clock = clock
        self._known: OrderedDict[bytes, SignedIn] = OrderedDict()
        self._looking: dict[bytes, asyncio.Task[SignedIn]] = {}

    async def signed_in(self, token: str, audience: str) -> SignedIn:
        """Who this token belongs to.

        Raises:
            NotAuthenticated: If it is forged, expired, or its account is gone or closed.
        """
        key = hashlib.sha256(f"{audience} {token}".encode("utf-8", "replace")).digest()
        found = self._known.get(key)
        if found is not None and found.good_until > self._clock.time():
            return found
        looking = self._looking.get(key)
        if looking is None:
            claims = self._tokens.verify(token, audience)
            looking = asyncio.get_running_loop().create_task(self._look_up(key, claims))
            self._looking[key] = looking
            looking.add_done_callback(lambda _done: self._looking.pop(key, None))
        return await asyncio.shield(looking)

    def renewed(self, signed_in: SignedIn) -> str | None:
        """A new session token in place of one that has aged; None while it is young."""
        if self._clock.time() - signed_in.issued_at <= RENEW_AFTER_S:
            return None
        return self._tokens.issue_session(signed_in.caller.user_id)

    def same_user(self, expired: str, audience: str, user_id: str) -> bool:
        """Whether an expired token of ours was this user's."""
        try:
            return self._tokens.signed_claims(expired, audience).user_id == user_id
        except NotAuthenticated:
            return False

    async def _look_up(self, key: bytes, claims: Claims) -> SignedIn:
        account = await self._accounts.by_id(claims.user_id)
        if account is None or not account.is_active:
            raise NotAuthenticated("Could not validate credentials")
        caller = Caller(
            account.id,
            account.username,
            account.email,
            account.created_at,
            Principal(account.id, account.grants),
            granted(account.grants),
            account.roles,
        )
        good_until = min(self._clock.time() + REMEMBERED_S, float(claims.expires_at))
        found = SignedIn(caller, claims.issued_at, good_until)
        self._known[key] = found
        self._known.move_to_end(key)
        if len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)
        return found
