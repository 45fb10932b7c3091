"""Encrypts what providers entrust to us, at rest.

`cryptography` is imported at first use: a host without provider keys starts without it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vareon_runtime.errors import ConfigurationError


class KeyRing:
    """Fernet keys, newest first: the first encrypts, all of them open.

    Args:
        keys: URL-safe base64 of 32 bytes each.
    """

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._keys = keys
        self._fernet: Any = None

    @classmethod
    def from_file(cls, path: Path) -> KeyRing:
        """One key a line.

        Raises:
            ConfigurationError: If the file is missing or empty.
        """
        try:
            keys = tuple(path.read_text(encoding="ascii").split())
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"{path} cannot be read ({type(error).__name__}); restore it from your backup."
            ) from error
        if not keys:
            raise ConfigurationError(f"{path} holds no key; restore it from your backup.")
        return cls(keys)

    def encrypt(self, secret: str) -> str:
        """The secret as text that only this ring opens; nothing stays nothing."""
        if not secret:
            return ""
        sealed: bytes = self._opened().encrypt(secret.encode())
        return sealed.decode("ascii")

    def decrypt(self, sealed: str) -> str:
        """The secret again.

        Raises:
            ConfigurationError: If none of the keys opens it.
        """
        if not sealed:
            return ""
        from cryptography.fernet import InvalidToken

        try:
            secret: bytes = self._opened().decrypt(sealed.encode())
        except InvalidToken:
            raise ConfigurationError(
                "The stored provider key was made with another encryption.key; "
                "restore that file, or enter the provider's key again."
            ) from None
        return secret.decode()

    def _opened(self) -> Any:
        if self._fernet is None:
            from cryptography.fernet import Fernet, MultiFernet

            try:
                self._fernet = MultiFernet([Fernet(key) for key in self._keys])
            except ValueError as error:
                raise ConfigurationError(
                    "encryption.key is not a Fernet key; restore it from your backup."
                ) from error
        return self._fernet
