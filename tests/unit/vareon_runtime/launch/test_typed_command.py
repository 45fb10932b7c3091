"""The command that is shown can be typed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from vareon_runtime.launch.typed_command import typed_command


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation that the shell does not find, in a clone that is the current folder."""
    made = tmp_path / "a clone" / ".venv" / "bin" / "vareon"
    made.parent.mkdir(parents=True)
    made.touch(mode=0o755)
    monkeypatch.setattr(sys, "argv", [str(made), "up"])
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.chdir(tmp_path / "a clone")
    return made


def test_in_a_clone_it_is_the_path_from_here(script: Path) -> None:
    """However it was run."""
    assert typed_command() == ".venv/bin/vareon"


def test_run_as_a_module_it_is_the_script_beside_the_interpreter(
    script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is what such a person can type next."""
    monkeypatch.setattr(sys, "argv", ["/somewhere/web/cli/__main__.py", "up"])
    monkeypatch.setattr(sys, "executable", str(script.with_name("python")))
    assert typed_command() == ".venv/bin/vareon"


def test_in_another_folder_it_is_the_whole_path(
    script: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Quoted for a shell."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert typed_command() == f"'{script}'"


def test_beside_it_the_shell_needs_to_be_told_so(
    script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bare name is looked for in PATH only."""
    monkeypatch.chdir(script.parent)
    assert typed_command() == "./vareon"


def test_in_an_active_environment_it_is_the_name(
    script: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By its own folder, or by a link to it."""
    monkeypatch.setenv("PATH", str(script.parent))
    assert typed_command() == "vareon"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "vareon").symlink_to(script)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert typed_command() == "vareon"


def test_another_installation_of_that_name_is_not_this_one(script: Path, tmp_path: Path) -> None:
    """It would start something else."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "vareon").touch(mode=0o755)
    assert typed_command() == ".venv/bin/vareon"
