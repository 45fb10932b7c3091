"""HTTPS by two files: the whole of a first day over it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.certificates import self_signed
from tests.support.running import RunningVareon

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]


def test_a_first_day_over_tls(data_dir: Path, tmp_path: Path) -> None:
    """The address says so, and the commands of this machine trust its certificate."""
    certificate, key = self_signed(tmp_path)
    files = {"VAREON_TLS_CERT": str(certificate), "VAREON_TLS_KEY": str(key)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in files.items():
            patch.setenv(name, value)
        with RunningVareon(data_dir) as vareon:
            assert vareon.base_url.startswith("https://")
            assert vareon.command("status").returncode == 0
            added = vareon.command("user", "add", "ada")
            assert added.returncode == 0, added.stderr
            said = vareon.command("chat", "hello")
            assert said.returncode == 0, said.stderr
            assert "vareon/guide" in said.stdout or said.stdout.strip()
            assert "password:" in "\n".join(vareon.output)
