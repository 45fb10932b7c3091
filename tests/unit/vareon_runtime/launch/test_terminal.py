"""What is printed."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from vareon_runtime.config import Settings
from vareon_runtime.launch import terminal as terminal_module
from vareon_runtime.launch.terminal import Terminal


class Gone(io.StringIO):
    """A pipe whose reader has left."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_welcome_shows_where_the_token_is_not_the_token(tmp_path: Path) -> None:
    """The command that shows it can be pasted."""
    out = io.StringIO()
    settings = Settings(data_dir=tmp_path / "my data", database_url="")
    Terminal(0.0, out).ready("http://127.0.0.1:1", "http://127.0.0.1:2", settings)
    assert f"cat '{settings.ray_token_file}'" in out.getvalue()
    assert "http://127.0.0.1:1/" in out.getvalue()


def test_a_letter_is_shown_as_what_it_is() -> None:
    """Nothing in it can move the cursor or pass for a line of ours."""
    out = io.StringIO()
    told = {"recipient": "a\x1b[2J\nb@c.example", "subject": "Verify", "link": "http://x/?t=1"}
    Terminal(0.0, out).letter(told)
    first, second = out.getvalue().splitlines()
    assert first.split() == ["Mail", "to", "a[2Jb@c.example:", "Verify"]
    assert second.split() == ["http://x/?t=1"]


def test_models() -> None:
    """One, several, none, and one with a remark."""
    out = io.StringIO()
    terminal = Terminal(0.0, out)
    terminal.models([{"name": "Ollama", "models": 1, "note": ""}])
    terminal.models([{"name": "OpenAI", "models": 3, "note": "key from OPENAI_API_KEY"}])
    terminal.models([])
    terminal.models([{"name": "OpenAI", "models": 0, "note": "offline"}])
    first, second, third, fourth = out.getvalue().splitlines()
    assert first.endswith("Ollama (1 model)")
    assert second.endswith("OpenAI (3 models): key from OPENAI_API_KEY")
    assert "none found; the built-in guide answers" in third
    assert "OpenAI (0 models): offline; the built-in guide answers" in fourth
    assert "guide" not in first + second


def test_what_to_type_next_can_be_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a clone the command has no short name."""
    monkeypatch.setattr(terminal_module, "typed_command", lambda: ".venv/bin/vareon")
    out = io.StringIO()
    Terminal(0.0, out).next_command(" --data-dir x")
    assert '.venv/bin/vareon chat --data-dir x "hello"' in out.getvalue()
    assert ".venv/bin/vareon down --data-dir x" in out.getvalue()


def test_nobody_reads() -> None:
    """Is no reason to stop."""
    Terminal(0.0, Gone()).step("reached")
