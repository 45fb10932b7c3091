"""Puts together what knows who is calling: tokens, sessions, keys, and who is sent away."""

from __future__ import annotations

import asyncio
from pathlib import Path

from vareon_runtime.clock import Clock
from vareon_runtime.config import Settings
from vareon_runtime.errors import ConfigurationError
from vareon_runtime.identity import IdSource
from vareon_runtime.routing.bus import MessageBus
from web.api.keys import KeyRoutes
from web.api.sessions import SessionRoutes
from web.api.tokens import TokenRoutes
from web.routes import Route
from web.services.accounts import Accounts, Rows
from web.services.api_keys import ApiKeys
from web.services.authentication import Authenticator
from web.services.key_file import KeyFile
from web.services.last_use import LastUse
from web.services.lockout import Lockout
from web.services.refresh_tokens import RefreshTokens
from web.services.sign_ins import SignIns
from web.services.standing import Standing
from web.services.tokens import Tokens
from web.sockets.open_sockets import OpenSockets
from web.sockets.revocation import Revocation


class SigningIn:
    """The parts, wired.

    Args:
        settings: Where the keys are.
        accounts: Knows users and their passwords.
        rows: The database.
        bus: The way to entities, for what a keyed request asks.
        link: The same, for what is asked beside any request.
        ids: Names sessions and keys.
        sockets: Closed when what they rest on has ended.
        clock: Decides what is over.

    Raises:
        ConfigurationError: If a key file cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        accounts: Accounts,
        rows: Rows,
        bus: MessageBus,
        link: MessageBus,
        ids: IdSource,
        sockets: OpenSockets,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self.key = secret(settings.derivation_key_file)
        """What follows from it is the same at every front door."""
        self._tokens = Tokens(secret(settings.jwt_key_file), clock)
        self._key_file = KeyFile(settings.jwt_key_file, self._tokens)
        standing = Standing(rows, clock)
        self._revocation = Revocation(sockets, standing)
        self._api_keys = ApiKeys(rows, bus, ids, self.key, clock)
        self._sign_ins = SignIns(rows, bus, ids, self._tokens, RefreshTokens(self.key), clock)
        self._accounts = accounts
        self.lockout = Lockout(rows, link, clock)
        last_use = LastUse(link, clock)
        self.authenticator = Authenticator(
            self._tokens, accounts, standing, last_use, self._api_keys, link, clock
        )

    def routes(self) -> list[Route]:
        """What is served here."""
        tokens, authenticator = self._tokens, self.authenticator
        return [
            *TokenRoutes(
                self._accounts, self._sign_ins, tokens, authenticator, self.lockout
            ).routes(),
            *SessionRoutes(self._sign_ins, authenticator).routes(),
            *KeyRoutes(self._api_keys, tokens, authenticator).routes(),
        ]

    async def keep_up(self) -> None:
        """Take up new keys and send away who is signed out, for as long as the door serves."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._key_file.keep_up(self._clock))
            both.create_task(self._revocation.keep_up(self._clock))


def secret(file: Path) -> bytes:
    """What a key file holds.

    Raises:
        ConfigurationError: If it cannot be read or is too short.
    """
    try:
        key = file.read_bytes().strip()
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be read; it is made at the first start."
        ) from error
    if len(key) < 32:
        raise ConfigurationError(f"{file} is too short to be a key.")
    return key
