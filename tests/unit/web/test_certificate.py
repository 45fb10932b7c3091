"""A renewed certificate is taken over; one that cannot be used is not."""

from __future__ import annotations

import shutil
import ssl
from pathlib import Path

import pytest

from tests.support.certificates import self_signed
from vareon_runtime.clock import SystemClock
from vareon_runtime.config import Settings
from web.certificate import Certificate


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Files that a renewal writes over."""
    certificate, key = self_signed(tmp_path, "first.test")
    return Settings(
        tmp_path,
        "",
        tls_cert=Path(shutil.copy(certificate, tmp_path / "used.pem")),
        tls_key=Path(shutil.copy(key, tmp_path / "used.key")),
    )


def _written(settings: Settings, certificate: Path, key: Path) -> None:
    for source, target in ((certificate, settings.tls_cert), (key, settings.tls_key)):
        assert target is not None
        fresh = target.with_suffix(".new")
        shutil.copy(source, fresh)
        fresh.replace(target)


def _shown(server: ssl.SSLContext) -> bytes:
    """The certificate that a new connection is shown."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    client = trusting.wrap_bio(to_client, to_server)
    accepting = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (client, accepting, client):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return client.getpeercert(binary_form=True) or b""


def test_a_renewed_pair_is_shown_to_new_connections(settings: Settings) -> None:
    """Without a restart; files that did not change are not read again."""
    used = Certificate(settings, SystemClock())
    assert used.context is not None
    before = _shown(used.context)
    used.renew()
    assert _shown(used.context) == before
    _written(settings, *self_signed(settings.data_dir, "second.test"))
    used.renew()
    assert _shown(used.context) != before


def test_half_of_a_renewal_changes_nothing(settings: Settings) -> None:
    """Until the other half is there too."""
    used = Certificate(settings, SystemClock())
    assert used.context is not None
    before = _shown(used.context)
    certificate, key = self_signed(settings.data_dir, "second.test")
    assert settings.tls_key is not None
    _written(settings, certificate, settings.tls_key)
    used.renew()
    assert _shown(used.context) == before
    _written(settings, certificate, key)
    used.renew()
    assert _shown(used.context) != before
