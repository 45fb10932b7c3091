"""Takes up new signing keys while the front door serves; `vareon keys rotate` writes a file."""

from __future__ import annotations

from pathlib import Path

from vareon_runtime.clock import Clock
from vareon_runtime.errors import ConfigurationError
from vareon_runtime.telemetry import event, failure
from web.services.tokens import Tokens

LOOK_EVERY_S = 2.0


class KeyFile:
    """Looks whether the key file was replaced, now and then and when an unknown key is named.

    Args:
        path: The key file.
        tokens: Told of new keys.
    """

    def __init__(self, path: Path, tokens: Tokens) -> None:
        self._path = path
        self._tokens = tokens
        self._seen: tuple[int, int] | None = None
        self.look()
        tokens.unknown_key = self.look

    async def keep_up(self, clock: Clock) -> None:
        """Look, for as long as the front door serves."""
        while True:
            await clock.sleep(LOOK_EVERY_S)
            self.look()

    def look(self) -> None:
        """Take up what is new; a file that cannot be used changes nothing."""
        found = self._mark()
        if found == self._seen or found is None:
            return
        self._seen = found
        try:
            self._tokens.use(self._path.read_bytes())
        except (OSError, ConfigurationError) as error:
            failure("signing_keys_unusable", error)
        else:
            event("signing_keys_read")

    def _mark(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns
