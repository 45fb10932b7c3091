"""The command line without anything running."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from vareon_runtime.clock import SystemClock
from vareon_runtime.config import Settings
from vareon_runtime.launch import running, secrets
from vareon_runtime.launch.instance_lock import InstanceLock
from web.cli import main
from web.services.tokens import Tokens


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data dir in which Vareon has run before."""
    settings = Settings(data_dir=tmp_path, database_url="")
    settings.secrets_dir.mkdir()
    settings.run_dir.mkdir()
    secrets.ensure(settings, "")
    return tmp_path


def run(*arguments: str) -> tuple[int, str]:
    """Exit code and everything that was said."""
    result = CliRunner().invoke(main, arguments)
    return result.exit_code, result.output


def test_help_lists_every_command() -> None:
    """In the order of a first day."""
    code, said = run("--help")
    assert code == 0
    names = (
        "up",
        "down",
        "status",
        "logs",
        "user",
        "chat",
        "token",
        "keys",
        "doctor",
        "backup",
        "restore",
    )
    places = [said.index(f"  {name} ") for name in names]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "command",
    [["down"], ["status"], ["chat", "hi"], ["user", "add", "x"], ["dead-letters", "list"]],
)
def test_nothing_runs(data_dir: Path, command: list[str]) -> None:
    """Said so, with exit code 1."""
    code, said = run(*command, "--data-dir", str(data_dir))
    assert code == 1
    assert "not running" in said


def test_old_record_is_not_believed(data_dir: Path) -> None:
    """Without its lock it is of a parent that was killed; the pid may be another process by now."""
    settings = Settings(data_dir=data_dir, database_url="")
    running.write(settings, running.Running(1, "http://127.0.0.1:1", "x", ""))
    assert run("status", "--data-dir", str(data_dir))[0] == 1
    lock = InstanceLock.take(data_dir)
    try:
        assert run("status", "--data-dir", str(data_dir))[0] == 1
    finally:
        lock.release()


def test_token(data_dir: Path) -> None:
    """Is the administrator's, by this machine's own key."""
    settings = Settings(data_dir=data_dir, database_url="")
    code, said = run("token", "--data-dir", str(data_dir))
    assert code == 0
    tokens = Tokens(settings.jwt_key_file.read_bytes(), SystemClock())
    assert tokens.read_access(said.strip()) == settings.admin_id_file.read_text()


def test_no_token_before_the_first_start(tmp_path: Path) -> None:
    """One line, no trace."""
    code, said = run("token", "--data-dir", str(tmp_path))
    assert code == 1
    assert len(said.strip().splitlines()) == 1


def test_other_address_needs_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """The local key is not sent elsewhere."""
    monkeypatch.delenv("VAREON_TOKEN", raising=False)
    code, said = run("chat", "--url", "http://example.com", "hi")
    assert code == 1
    assert "--token" in said


def test_config_shows_what_is_in_force_and_no_password(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment counts here as it does at a start."""
    monkeypatch.setenv("VAREON_PORT", "9123")
    monkeypatch.setenv("VAREON_ADMIN_PASSWORD", "very secret words")
    code, said = run("config", "--json", "--data-dir", str(data_dir))
    assert code == 0
    assert json.loads(said)["port"] == 9123
    assert "very secret words" not in said + run("config", "--data-dir", str(data_dir))[1]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_the_commands(shell: str) -> None:
    """The script is printed, and what it calls answers."""
    assert "_VAREON_COMPLETE" in run("completion", shell)[1]
    asked = {"_VAREON_COMPLETE": "bash_complete", "COMP_WORDS": "vareon dead", "COMP_CWORD": "1"}
    found = CliRunner().invoke(main, prog_name="vareon", env=asked)
    assert "dead-letters" in found.output
