"""Starts that cannot succeed: one line that names the fix, exit code 2, nothing left."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.running import VAREON
from vareon_runtime.launch.instance_lock import InstanceLock

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]


@pytest.fixture
def busy_port() -> Iterator[str]:
    """A port that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield str(other.getsockname()[1])


def refused(data_dir: Path, *flags: str, **environment: str) -> str:
    """Start with these settings; returns the one line that was said."""
    usual = ("--data-dir", str(data_dir), "--port", "0", "--ray-dashboard-port", "0")
    mark = {"VAREON_TEST_START": str(data_dir)}
    ended = subprocess.run(
        [*VAREON, "up", *usual, *flags],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **mark, **environment},
    )
    assert ended.returncode == 2, ended.stdout + ended.stderr
    lines = ended.stderr.strip().splitlines()
    assert len(lines) == 1, ended.stderr
    assert left_over(mark) == []
    return lines[0]


def left_over(mark: dict[str, str]) -> list[psutil.Process]:
    """Processes that such a start would have left."""
    found = []
    for process in psutil.process_iter():
        try:
            if mark.items() <= process.environ().items():
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_busy_port(data_dir: Path, busy_port: str) -> None:
    """Names the port and the setting that chooses another."""
    line = refused(data_dir, "--port", busy_port)
    assert busy_port in line
    assert "VAREON_PORT" in line


def test_busy_dashboard_port(data_dir: Path, busy_port: str) -> None:
    """The same for Ray's dashboard."""
    line = refused(data_dir, "--ray-dashboard-port", busy_port)
    assert busy_port in line
    assert "VAREON_RAY_DASHBOARD_PORT" in line


def test_data_dir_that_is_a_file(data_dir: Path) -> None:
    """A data dir that cannot be one."""
    data_dir.write_text("")
    assert "VAREON_DATA_DIR" in refused(data_dir)


def test_data_dir_in_a_place_closed_to_everybody() -> None:
    """Not even root may make folders there."""
    assert "VAREON_DATA_DIR" in refused(Path("/proc/vareon"))


def test_second_instance(data_dir: Path) -> None:
    """Names the process that is there."""
    data_dir.mkdir()
    lock = InstanceLock.take(data_dir)
    try:
        line = refused(data_dir)
    finally:
        lock.release()
    assert str(os.getpid()) in line
    assert "vareon down" in line


@pytest.mark.parametrize(
    "url",
    ["oracle://user:secret-word@db/x", "sqlite://", "sqlite:///:memory:", "nonsense", "/a/path"],
)
def test_database_of_an_unknown_kind(data_dir: Path, url: str) -> None:
    """Says which form is right, and repeats no password."""
    line = refused(data_dir, VAREON_DATABASE_URL=url)
    assert "sqlite:////" in line
    assert "secret-word" not in line


def test_database_in_no_folder(data_dir: Path) -> None:
    """A folder that does not exist."""
    url = "sqlite:////no/such/folder/vareon.db"
    assert "/no/such/folder" in refused(data_dir, "--database-url", url)


def test_database_in_an_unwritable_folder(data_dir: Path) -> None:
    """A folder in which nobody can write."""
    assert "/proc" in refused(data_dir, "--database-url", "sqlite:////proc/vareon.db")


def test_file_that_is_no_database(data_dir: Path, tmp_path: Path) -> None:
    """Somebody else's file stays as it is."""
    file = tmp_path / "letter.txt"
    file.write_text("Dear Ada,\n")
    assert "not a SQLite database" in refused(data_dir, "--database-url", f"sqlite:///{file}")
    assert file.read_text() == "Dear Ada,\n"


def test_damaged_database(data_dir: Path, tmp_path: Path) -> None:
    """The right beginning, and nonsense after it."""
    file = tmp_path / "vareon.db"
    file.write_bytes(b"SQLite format 3\x00" + os.urandom(8192))
    assert "cannot be prepared" in refused(data_dir, "--database-url", f"sqlite:///{file}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VAREON_PORT", "many"),
        ("VAREON_PORT", "70000"),
        ("VAREON_HOST", "no.such.host.invalid"),
        ("VAREON_HOST", "0.0.0.0"),
        ("VAREON_NODE", "Not A Node"),
        ("VAREON_ENTITIES", "my entities"),
        ("VAREON_ADMIN_PASSWORD", "short"),
    ],
)
def test_wrong_setting(data_dir: Path, name: str, value: str) -> None:
    """Names the setting; of a password it repeats nothing."""
    usual = ("--data-dir", str(data_dir), "--ray-dashboard-port", "0")
    ended = subprocess.run(
        [*VAREON, "up", *usual],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "VAREON_PORT": "0", name: value},
    )
    assert ended.returncode == 2
    assert len(ended.stderr.strip().splitlines()) == 1
    assert name.removeprefix("VAREON_").lower() in ended.stderr.lower()
    assert "short" not in ended.stderr


def test_entities_that_cannot_be_imported(data_dir: Path) -> None:
    """Found out by a host, deep in the start; still one line, and all of it ends."""
    assert "no.such.module" in refused(data_dir, "--entities", "no.such.module")


def test_unknown_line_in_the_settings_file(data_dir: Path) -> None:
    """A misspelt name does not pass in silence."""
    data_dir.mkdir()
    (data_dir / "vareon.toml").write_text("prot = 8480\n")
    assert "prot" in refused(data_dir)
