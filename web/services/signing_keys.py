"""The keys that sign tokens: one signs, and the one before is believed until its tokens are over.

The file has a line for each, the newest first: ``<secret>`` signs, ``<secret> until <epoch
seconds>`` is only read with. A key's id follows from its secret.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from vareon_runtime.errors import ConfigurationError, Conflict

SHORTEST_SECRET = 32
MOST_LIVE = 2
_UNTIL = b" until "


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One of them.

    Attributes:
        id: What tokens call it by (``kid``).
        until_s: When it is believed no more, in epoch seconds; None for the one that signs.
    """

    id: str
    secret: bytes
    until_s: int | None = None

    def live(self, now_s: float) -> bool:
        """Whether what it signed is believed."""
        return self.until_s is None or now_s < self.until_s


def read(text: bytes) -> tuple[SigningKey, ...]:
    """The keys of a file, the one that signs first.

    Raises:
        ConfigurationError: If they are none, or one is too short to sign with.
    """
    keys = tuple(_key(line.strip()) for line in text.splitlines() if line.strip())
    if not keys or keys[0].until_s is not None:
        raise ConfigurationError(
            "The key file holds no key to sign with; restore it, or remove it."
        )
    if any(len(key.secret) < SHORTEST_SECRET for key in keys):
        raise ConfigurationError(
            "The key file holds a key that is too short to sign with; restore it, or remove it."
        )
    older = [key for key in keys[1:] if key.until_s is not None]
    return keys[0], *older[: MOST_LIVE - 1]


def rotate(path: Path, now_s: float, longest_life_s: int, *, drop: bool = False) -> SigningKey:
    """Let a new key sign; the last one is believed until all that it signed is over.

    Args:
        path: The key file; it is replaced at once or not at all.
        now_s: The time, in epoch seconds.
        longest_life_s: How long the longest-lived token is good.
        drop: Do not believe the last one any more, so that everybody has to sign in again.

    Returns:
        The key that signs now.

    Raises:
        Conflict: If two keys are live already.
        ConfigurationError: If the file holds no key.
        OSError: If it cannot be read or written.
    """
    last, *older = read(path.read_bytes())
    live = [key for key in older if key.live(now_s)]
    if live and not drop:
        wait_h = (live[0].until_s or 0) - now_s
        raise Conflict(
            f"Two keys are live already, the older one for {wait_h / 3600:.1f} hours more: rotate "
            "later, or drop both at once, which signs everybody out."
        )
    fresh = secrets.token_hex(SHORTEST_SECRET).encode()
    lines = [fresh]
    if not drop:
        lines.append(last.secret + _UNTIL + str(int(now_s) + longest_life_s).encode())
    _replace(path, b"\n".join(lines) + b"\n")
    return _key(fresh)


def _key(line: bytes) -> SigningKey:
    secret, _, until = line.partition(_UNTIL)
    try:
        until_s = int(until) if until else None
    except ValueError as error:
        raise ConfigurationError("The key file has a line that is no key; restore it.") from error
    name = hashlib.sha256(b"kid" + secret).hexdigest()[:16]
    return SigningKey(name, secret, until_s)


def _replace(path: Path, text: bytes) -> None:
    fresh = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
