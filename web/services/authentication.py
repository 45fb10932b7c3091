"""From a token to a caller, remembering the answer for a few seconds."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from typing import NamedTuple

from actors import names
from actors.sign_in.messages import SpendTicket
from vareon_runtime.clock import Clock
from vareon_runtime.errors import IdReused, NotAuthenticated
from vareon_runtime.identity import Principal, derived_id
from vareon_runtime.routing.bus import MessageBus
from web.caller import Caller, Grant
from web.services import policy
from web.services.accounts import Account, Accounts
from web.services.api_keys import PREFIX, ApiKeys, FoundKey
from web.services.last_use import LastUse
from web.services.policy import granted
from web.services.standing import Standing
from web.services.tokens import ACCESS, TICKET, Claims, Tokens

REMEMBERED_S = 5.0
"""A change of roles or a closed account takes effect within this time."""
MOST_REMEMBERED = 10_000
RENEW_AFTER_S = 600
"""A session cookie older than this is replaced by a new one, so that it slides."""
_REFUSAL = "Could not validate credentials"


class SignedIn(NamedTuple):
    """A caller and the token that named them."""

    caller: Caller
    issued_at: int
    good_until: float


class Authenticator:
    """Reads tokens and looks their users and sessions up.

    Args:
        tokens: Reads tokens.
        accounts: Knows users.
        standing: Knows what still counts.
        last_use: Told of sessions and keys that are used.
        api_keys: Knows personal keys.
        bus: The way to where tickets are spent.
        clock: Decides what is remembered too long.
    """

    def __init__(
        self,
        tokens: Tokens,
        accounts: Accounts,
        standing: Standing,
        last_use: LastUse,
        api_keys: ApiKeys,
        bus: MessageBus,
        clock: Clock,
    ) -> None:
        self._tokens = tokens
        self._accounts = accounts
        self._standing = standing
        self._last_use = last_use
        self._api_keys = api_keys
        self._bus = bus
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
            if audience == ACCESS and token.startswith(PREFIX):
                looking_up = self._look_up_key(key, token)
            else:
                looking_up = self._look_up(key, self._tokens.verify(token, audience))
            looking = asyncio.get_running_loop().create_task(looking_up)
            self._looking[key] = looking
            looking.add_done_callback(lambda _done: self._looking.pop(key, None))
        return await asyncio.shield(looking)

    def renewed(self, signed_in: SignedIn) -> str | None:
        """A new session token in place of one that has aged; None while it is young."""
        if self._clock.time() - signed_in.issued_at <= RENEW_AFTER_S:
            return None
        grant = signed_in.caller.grant
        return self._tokens.issue_session(grant.user_id, grant.token_version, grant.session_id)

    def forget(self, user_id: str) -> None:
        """Look a user up anew from now on: something of theirs has just ended here."""
        for key in [key for key, one in self._known.items() if one.caller.user_id == user_id]:
            del self._known[key]

    def same_user(self, expired: str, audience: str, user_id: str) -> bool:
        """Whether an expired token of ours was this user's."""
        try:
            return self._tokens.signed_claims(expired, audience).user_id == user_id
        except NotAuthenticated:
            return False

    async def by_ticket(self, ticket: str) -> SignedIn:
        """Who this ticket was given to; it is spent by that.

        Raises:
            NotAuthenticated: If it is forged, expired, spent, or rests on what counts no more.
        """
        claims = self._tokens.verify(ticket, TICKET)
        caller = await self._caller(claims.grant)
        try:
            await self._bus.ask(
                names.sessions(caller.user_id),
                SpendTicket(secrets.token_bytes(16)),
                principal=Principal(caller.user_id),
                message_id=derived_id("ws ticket", claims.token_id),
            )
        except IdReused as error:
            raise NotAuthenticated("This ticket was used before; ask for another.") from error
        return SignedIn(caller, claims.issued_at, float(claims.expires_at))

    async def _look_up(self, key: bytes, claims: Claims) -> SignedIn:
        caller = await self._caller(claims.grant)
        return self._remembered(key, caller, claims.issued_at, float(claims.expires_at))

    async def _look_up_key(self, key: bytes, token: str) -> SignedIn:
        found = await self._api_keys.read(token)
        caller = self._by_key(await self._account(found.user_id), found)
        return self._remembered(key, caller, 0, found.expires_at.timestamp())

    async def _caller(self, grant: Grant) -> Caller:
        account = await self._account(grant.user_id)
        if grant.key_id is not None:
            return self._by_key(account, await self._api_keys.by_id(grant.key_id))
        if account.token_version != grant.token_version:
            raise NotAuthenticated(_REFUSAL)
        if grant.session_id is not None:
            used_at = await self._standing.session_used_at(grant)
            if used_at is None:
                raise NotAuthenticated(_REFUSAL)
            self._last_use.seen(grant, used_at)
        return _caller(account, account.grants, grant, account.roles)

    def _by_key(self, account: Account, found: FoundKey) -> Caller:
        """The owner, as far as the key goes: with no role that allows more than it does."""
        grant = Grant(account.id, key_id=found.id)
        self._last_use.seen(grant, found.last_used_at)
        covered = tuple(one for one in account.grants if granted((one,)) <= found.permissions)
        grants = policy.grants(covered, granted(account.grants) & found.permissions)
        roles = account.roles if set(grants) == set(account.grants) else ()
        return _caller(account, grants, grant, roles)

    async def _account(self, user_id: str) -> Account:
        account = await self._accounts.by_id(user_id)
        if account is None or not account.is_active:
            raise NotAuthenticated(_REFUSAL)
        return account

    def _remembered(
        self, key: bytes, caller: Caller, issued_at: int, expires_at: float
    ) -> SignedIn:
        good_until = min(self._clock.time() + REMEMBERED_S, expires_at)
        found = SignedIn(caller, issued_at, good_until)
        self._known[key] = found
        self._known.move_to_end(key)
        if len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)
        return found


def _caller(
    account: Account, grants: tuple[str, ...], grant: Grant, roles: tuple[str, ...]
) -> Caller:
    return Caller(
        account.id,
        account.username,
        account.email,
        account.created_at,
        Principal(account.id, grants),
        granted(grants),
        grant,
        roles,
    )
