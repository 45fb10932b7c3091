"""Starting and stopping, as the person at the terminal sees it."""

from __future__ import annotations

import re
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.running import RunningVareon, wait_for

Record = Callable[[str, object], None]

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]


def test_from_first_start_to_second(data_dir: Path, record_property: Record) -> None:
    """The whole life: livez at once, ready, password once, down, nothing left, and again."""
    vareon = RunningVareon(data_dir)
    began = time.monotonic()
    vareon.start(wait=False)
    try:
        vareon.printed("answering")
        wait_for(lambda: vareon.get("/livez")[0] == 200, 5)
        record_property("livez_s", round(time.monotonic() - began, 2))
        status, answer = vareon.get("/api/users/me")
        assert (status, answer["status"]) == (503, 503)
        assert "starting" in answer["detail"]

        vareon.printed("Stop ")
        record_property("ready_s", round(time.monotonic() - began, 2))
        assert vareon.get("/readyz")[0] == 200
        password = re.search(r"password: (\S+)", vareon.printed("Sign in"))
        assert password is not None
        assert len(password[1]) >= 22
        assert not vareon.settings.admin_password_file.exists()
        shown = "\n".join(vareon.output)
        assert vareon.settings.ray_token_file.read_text() not in shown
        assert "arning" not in shown
        _only_ours(vareon.settings.secrets_dir)

        status_now = vareon.command("status")
        assert status_now.returncode == 0
        assert vareon.base_url in status_now.stdout

        stopping = time.monotonic()
        assert vareon.command("down").returncode == 0
        record_property("down_s", round(time.monotonic() - stopping, 2))
        assert time.monotonic() - stopping < 12
        assert vareon.processes() == []
        assert vareon.ended() == 0
        assert vareon.command("down").returncode == 1
        assert vareon.command("status").returncode == 1

        vareon.start()
        assert "password:" not in "\n".join(vareon.output)
        assert vareon.request("GET", "/api/users/me", token=vareon.admin_token())[0] == 200
        assert vareon.stop() == 0
    finally:
        vareon.stop()
    vareon.none_left(10)


def test_chosen_password_is_not_printed(data_dir: Path) -> None:
    """VAREON_ADMIN_PASSWORD is in force, and appears neither on the terminal nor in a child."""
    chosen = "a password of one's own"
    with RunningVareon(data_dir, environment={"VAREON_ADMIN_PASSWORD": chosen}) as vareon:
        assert chosen not in "\n".join(vareon.output)
        assert "password:" not in "\n".join(vareon.output)
        assert all("VAREON_ADMIN_PASSWORD" not in p.environ() for p in vareon.processes())
        added = vareon.command("user", "add", "ada")
        assert added.returncode == 0, added.stderr
        assert "password: " in added.stdout
        again = vareon.command("user", "add", "ada")
        assert again.returncode == 1
        assert len(again.stderr.strip().splitlines()) == 1


def _only_ours(secrets_dir: Path) -> None:
    assert stat.S_IMODE(secrets_dir.stat().st_mode) == 0o700
    for secret in secrets_dir.iterdir():
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600, secret
