"""Keys and the first password, made once and kept in files that only this user can read."""

from __future__ import annotations

import base64
import os
import secrets
import string
import time
from pathlib import Path
from random import SystemRandom

from vareon_runtime.clock import SystemClock
from vareon_runtime.config import Settings
from vareon_runtime.identity import IdSource

_KEY_BYTES = 32
_PASSWORD_CHARACTERS = string.ascii_letters + string.digits
_PASSWORD_LENGTH = 24


def ensure(settings: Settings, admin_password: str) -> None:
    """Make what is missing; the first password only together with the administrator's id."""
    # It was one with the signing key, and what followed from that must go on to.
    _once(settings.derivation_key_file, _text(settings.jwt_key_file).strip() or _random())
    _once(settings.jwt_key_file, _random())
    _once(settings.ray_token_file, _random())
    key = base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES)).decode()
    _once(settings.encryption_key_file, key)
    if not settings.admin_id_file.exists():
        password = admin_password or new_password()
        settings.admin_password_file.unlink(missing_ok=True)
        _once(settings.admin_password_file, password)
        _once(settings.admin_id_file, IdSource(SystemClock(), SystemRandom()).text_id())


def new_password() -> str:
    """A random password of 142 bits; letters and digits, so that none looks like an option."""
    return "".join(secrets.choice(_PASSWORD_CHARACTERS) for _ in range(_PASSWORD_LENGTH))


def first_password(settings: Settings) -> str:
    """The password that has not been shown yet; empty when there is none."""
    return _text(settings.admin_password_file)


def forget_first_password(settings: Settings) -> None:
    """It has been shown, or its owner chose it."""
    settings.admin_password_file.unlink(missing_ok=True)


def _random() -> str:
    return secrets.token_hex(_KEY_BYTES)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def _once(path: Path, text: str) -> None:
    """Write a file that then never changes; a crash leaves all of it or nothing."""
    if path.exists():
        return
    fresh = path.with_name(f"{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
