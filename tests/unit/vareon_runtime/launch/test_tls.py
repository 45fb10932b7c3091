"""HTTPS from two files: read with clear refusals, and trusted by this machine's own commands."""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.certificates import self_signed
from vareon_runtime.config import Settings
from vareon_runtime.errors import ConfigurationError
from vareon_runtime.launch import tls
from vareon_runtime.launch.settings import read_settings
from vareon_runtime.launch.starting_page import StartingPage


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """With a certificate of its own."""
    certificate, key = self_signed(tmp_path)
    return Settings(tmp_path, "", tls_cert=certificate, tls_key=key)


async def _asked(port: int, trusted: ssl.SSLContext) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusted)
    writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer


async def test_it_answers_over_tls_from_its_first_second(settings: Settings) -> None:
    """And this machine's commands trust its certificate, but no other."""
    trusted = tls.client_context(settings)
    stranger = tls.client_context(
        replace(settings, tls_cert=self_signed(settings.data_dir, "other.test")[0])
    )
    assert trusted is not None
    assert stranger is not None
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        page = StartingPage(listening, tls.server_context(settings))
        await page.open()
        port = listening.getsockname()[1]
        assert (await _asked(port, trusted)).startswith(b"HTTP/1.1 200")
        with pytest.raises(ssl.SSLCertVerificationError):
            await _asked(port, stranger)
        page.close()


def test_without_files_there_is_no_tls(tmp_path: Path) -> None:
    """Plain HTTP on loopback."""
    plain = Settings(tmp_path, "")
    assert tls.server_context(plain) is None
    assert tls.client_context(plain) is None


def test_files_that_cannot_be_used_are_refused(settings: Settings, tmp_path: Path) -> None:
    """Missing, mixed up, locked, or no certificate at all: each names the settings or the fix."""
    other_key = self_signed(tmp_path, "other.test")[1]
    locked_cert, locked_key = self_signed(tmp_path, "locked.test", password="locked")
    text = tmp_path / "text.pem"
    text.write_text("nothing of use")
    for wrong in (
        replace(settings, tls_key=tmp_path / "none.key"),
        replace(settings, tls_key=other_key),
        replace(settings, tls_cert=locked_cert, tls_key=locked_key),
        replace(settings, tls_cert=text),
    ):
        with pytest.raises(ConfigurationError, match=r"VAREON_TLS_CERT|give a PEM certificate"):
            tls.server_context(wrong)


def test_other_machines_are_let_in_by_tls_or_by_word(tmp_path: Path) -> None:
    """Neither by accident nor by half of a pair."""
    flags = {"data_dir": tmp_path, "host": "0.0.0.0"}
    with pytest.raises(ConfigurationError, match="--tls-cert"):
        read_settings(flags)
    with pytest.raises(ConfigurationError, match="needs its key"):
        read_settings({**flags, "tls_cert": tmp_path / "a.pem"})
    assert read_settings({**flags, "allow_remote": True})[0].host == "0.0.0.0"
    certificate, key = self_signed(tmp_path)
    found = read_settings({**flags, "tls_cert": certificate, "tls_key": key})[0]
    assert found.tls_cert == certificate
