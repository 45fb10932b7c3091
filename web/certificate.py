"""The certificate that the front door serves with, and goes on with once it is renewed."""

from __future__ import annotations

import ssl
from pathlib import Path

from vareon_runtime.clock import Clock
from vareon_runtime.config import Settings
from vareon_runtime.errors import ConfigurationError
from vareon_runtime.launch import tls
from vareon_runtime.telemetry import event, failure

LOOK_EVERY_S = 60.0


class Certificate:
    """Read at the start, and again whenever its files change.

    Args:
        settings: Names the files, or none.
        clock: Says when to look at them again.

    Raises:
        ConfigurationError: If the files cannot be used.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.context: ssl.SSLContext | None = tls.server_context(settings)
        self._settings = settings
        self._clock = clock
        self._seen = self._state()

    async def keep_current(self) -> None:
        """Take over renewed files until cancelled; connections that are open stay as they are."""
        while self.context is not None:
            await self._clock.sleep(LOOK_EVERY_S)
            self.renew()

    def renew(self) -> None:
        """Read the files if they have changed; what cannot be used leaves the old one in force."""
        cert, key, state = self._settings.tls_cert, self._settings.tls_key, self._state()
        if self.context is None or cert is None or key is None or state == self._seen:
            return
        self._seen = state
        try:
            # Into one of its own first: a half-written pair must not spoil the one in use.
            tls.server_context(self._settings)
            tls.load(self.context, cert, key)
        except ConfigurationError as error:
            failure("certificate_unusable", error)
        else:
            event("certificate_renewed")

    def _state(self) -> list[tuple[int, int]]:
        return [_stamp(file) for file in (self._settings.tls_cert, self._settings.tls_key) if file]


def _stamp(file: Path) -> tuple[int, int]:
    try:
        state = file.stat()
    except OSError:
        return 0, 0
    return state.st_mtime_ns, state.st_ino
