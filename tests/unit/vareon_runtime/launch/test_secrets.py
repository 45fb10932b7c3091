"""Secrets are made once and are nobody else's."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from vareon_runtime.config import Settings
from vareon_runtime.launch import secrets


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a folder for secrets."""
    made = Settings(data_dir=tmp_path, database_url="")
    made.secrets_dir.mkdir()
    return made


def test_made_once(settings: Settings) -> None:
    """A second start finds what the first made, and no new password."""
    secrets.ensure(settings, "")
    password = secrets.first_password(settings)
    before = {file.name: file.read_text() for file in settings.secrets_dir.iterdir()}
    assert len(password) >= 22, "of letters and digits, that is 128 bits"
    assert password.isascii()
    assert password.isalnum()
    assert len(before["jwt.key"]) == len(before["ray.token"]) == 64
    Fernet(before["encryption.key"])
    for file in settings.secrets_dir.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    secrets.forget_first_password(settings)
    secrets.ensure(settings, "another password")
    after = {file.name: file.read_text() for file in settings.secrets_dir.iterdir()}
    assert after == {name: text for name, text in before.items() if "password" not in name}
    assert secrets.first_password(settings) == ""


def test_chosen_password(settings: Settings) -> None:
    """What the operator chose is what the account gets."""
    secrets.ensure(settings, "chosen by me")
    assert secrets.first_password(settings) == "chosen by me"


def test_crash_before_the_id_was_written(settings: Settings) -> None:
    """Password and id belong together: without an id, both are made anew."""
    settings.admin_password_file.write_text("half of a start")
    secrets.ensure(settings, "")
    assert secrets.first_password(settings) != "half of a start"
