"""A backup taken while people write becomes a second system that knows the same."""

from __future__ import annotations

import json
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.support.running import RunningVareon, forget

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

COUNTER = {"VAREON_ENTITIES": "examples.counter.counter"}
PATH = "/api/entities/counter/backed-up/"


def test_a_backup_taken_under_load_becomes_a_second_system(data_dir: Path, tmp_path: Path) -> None:
    """Nothing acknowledged before it is missing, and the copy goes on from there."""
    file, copy_dir = tmp_path / "copy.jsonl.gz", tmp_path / "again"
    with RunningVareon(data_dir, environment=COUNTER) as vareon:
        token = vareon.admin_token()
        before = _add(vareon, token)
        with _Writing(vareon, token):
            made = vareon.command("backup", str(file), "--with-keys", "--json")
            assert made.returncode == 0, made.stderr
        after = _add(vareon, token)
        in_the_way = vareon.command("restore", str(file))
        assert in_the_way.returncode == 1
        assert "already running" in in_the_way.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(made.stdout)["rows"]["entities"] > 0

    again = RunningVareon(copy_dir, environment=COUNTER)
    try:
        done = again.command("restore", str(file))
        assert done.returncode == 0, done.stderr
        again.start()
        assert "password:" not in "\n".join(again.output)
        assert again.request("GET", "/api/users/me", token=token)[0] == 200
        restored = _count(again, token)
        assert before <= restored < after
        assert _add(again, token) == restored + 1
        assert again.stop() == 0
        twice = again.command("restore", str(file))
        assert twice.returncode == 1
        assert "--replace" in twice.stderr
        replaced = again.command("restore", str(file), "--replace", "--json")
        assert Path(json.loads(replaced.stdout)["moved_aside"]).exists()
    finally:
        again.stop()
        forget(copy_dir)


def _add(vareon: RunningVareon, token: str) -> int:
    status, count = vareon.request("POST", PATH + "Add", {}, token)
    assert status == 200, count
    return _number(count)


def _count(vareon: RunningVareon, token: str) -> int:
    status, count = vareon.get(PATH + "GetCount", token)
    assert status == 200, count
    return _number(count)


def _number(answer: Any) -> int:
    return int(answer)


class _Writing:
    """Somebody who changes something all the time."""

    def __init__(self, vareon: RunningVareon, token: str) -> None:
        self._ended = threading.Event()
        self._began = threading.Event()
        self._thread = threading.Thread(target=self._write, args=(vareon, token))

    def _write(self, vareon: RunningVareon, token: str) -> None:
        while not self._ended.is_set():
            _add(vareon, token)
            self._began.set()

    def __enter__(self) -> None:
        self._thread.start()
        assert self._began.wait(20)

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._thread.join(30)
