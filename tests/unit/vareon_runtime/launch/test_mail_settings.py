"""Settings of mail and registration fit together, or the start says what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from vareon_runtime.config import Smtp
from vareon_runtime.errors import ConfigurationError
from vareon_runtime.launch.settings import read_settings


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VAREON_DATA_DIR", str(tmp_path / "data"))


def given(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"VAREON_{name}", value)


def test_without_a_mail_server_letters_stay_here() -> None:
    settings, _ = read_settings()
    assert (settings.smtp, settings.public_url) == (None, "")


def test_a_mail_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Encrypted unless it is said that it is not; the port follows from that."""
    (tmp_path / "password").write_text("secret")
    given(
        monkeypatch,
        SMTP_HOST="mail.example.org",
        SMTP_USER="vareon",
        SMTP_PASSWORD_FILE="password",
        SMTP_SENDER="Vareon <vareon@example.org>",
        PUBLIC_URL="https://vareon.example.org/",
    )
    settings, _ = read_settings()
    assert settings.smtp == Smtp(
        "mail.example.org",
        587,
        "Vareon <vareon@example.org>",
        tls="starttls",
        user="vareon",
        password_file=tmp_path / "password",
    )
    assert settings.public_url == "https://vareon.example.org"
    for tls, port in (("tls", 465), ("none", 25)):
        given(monkeypatch, SMTP_TLS=tls)
        settings, _ = read_settings()
        assert settings.smtp is not None
        assert settings.smtp.port == port


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"SMTP_HOST": "mail"}, "VAREON_SMTP_SENDER"),
        ({"SMTP_HOST": "mail", "SMTP_SENDER": "Vareon"}, "VAREON_SMTP_SENDER"),
        (
            {"SMTP_HOST": "mail", "SMTP_SENDER": "a@b.example", "SMTP_USER": "u"},
            "VAREON_SMTP_PASSWORD_FILE",
        ),
        (
            {
                "SMTP_HOST": "mail",
                "SMTP_SENDER": "a@b.example",
                "SMTP_USER": "u",
                "SMTP_PASSWORD_FILE": "/nowhere",
            },
            "/nowhere cannot be read",
        ),
        ({"SMTP_TLS": "yes"}, "VAREON_SMTP_TLS"),
        ({"SMTP_PORT": "0"}, "VAREON_SMTP_PORT"),
        ({"PUBLIC_URL": "vareon.example.org"}, "VAREON_PUBLIC_URL"),
        ({"PUBLIC_URL": "javascript:alert(1)"}, "VAREON_PUBLIC_URL"),
        ({"REGISTRATION": "some"}, "VAREON_REGISTRATION"),
    ],
)
def test_what_does_not_fit(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], named: str
) -> None:
    given(monkeypatch, **values)
    with pytest.raises(ConfigurationError, match=named):
        read_settings()


def test_who_may_register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody on this machine; from elsewhere nobody, unless that is said."""
    assert read_settings()[0].registration == "open"
    remote = {"host": "192.0.2.1", "allow_remote": True}
    assert read_settings(remote)[0].registration == "invited"
    given(monkeypatch, REGISTRATION="open")
    assert read_settings(remote)[0].registration == "open"
