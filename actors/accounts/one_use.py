"""Tokens that are mailed, used once, and of which only a hash is kept."""

from __future__ import annotations

import secrets
from collections.abc import Callable

TOKEN_BYTES = 32


class OneUseTokens:
    """Makes them; a resource of the host, because entities have no randomness of their own.

    Args:
        urlsafe: Random bytes of the given number, as text that may stand in an address.
    """

    def __init__(self, urlsafe: Callable[[int], str] = secrets.token_urlsafe) -> None:
        self._urlsafe = urlsafe

    def new(self) -> str:
        """A token of 256 random bits."""
        return self._urlsafe(TOKEN_BYTES)
