"""What holds for all commands."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from web.cli import main, reference

ALL = dict(reference.commands())
LEAVES = [words for words, command in ALL.items() if not isinstance(command, click.Group)]
TELLS_NOTHING = {"vareon up", "vareon completion", "vareon chat"}
ASKS = [
    words
    for words in LEAVES
    if "given_token" in {parameter.name for parameter in ALL[words].params}
]


def run(words: str, *arguments: str, given: str = "x\n") -> tuple[int, str]:
    """Exit code and everything that was said."""
    result = CliRunner().invoke(main, [*words.split()[1:], *arguments], input=given)
    return result.exit_code, result.output


def arguments_of(words: str) -> list[str]:
    """Something for each argument that must be given, and what a change needs."""
    needed = [
        "kind/key"
        for parameter in ALL[words].params
        if isinstance(parameter, click.Argument) and parameter.required
    ]
    more = {
        "vareon provider add": ["--no-key"],
        "vareon provider change": ["--disable"],
        "vareon model change": ["--inactive"],
    }
    return [*needed, *more.get(words, [])]


@pytest.mark.parametrize("words", ALL)
def test_help_has_a_summary_and_an_example(words: str) -> None:
    """The summary is one line that a list of commands shows whole."""
    code, said = run(words, "--help")
    assert code == 0
    assert re.search(rf"Examples:\n +({re.escape(words)}|\S+ .*{re.escape(words)})", said), said
    summary = (ALL[words].help or "").strip().splitlines()[0]
    assert summary.endswith((".", "?"))
    assert len(summary) <= 100


@pytest.mark.parametrize("words", LEAVES)
def test_whatever_tells_something_tells_it_as_json(words: str) -> None:
    has = "as_json" in {parameter.name for parameter in ALL[words].params}
    assert has == (words not in TELLS_NOTHING)


@pytest.mark.parametrize("words", ALL)
def test_wrong_usage_is_2(words: str) -> None:
    assert run(words, "--no-such-option")[0] == 2


@pytest.mark.parametrize("words", ASKS)
def test_nothing_runs_is_1(words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VAREON_TOKEN", raising=False)
    code, said = run(words, *arguments_of(words), "--data-dir", str(tmp_path))
    assert (code, "not running" in said) == (1, True), said


def test_the_page_has_the_present_commands() -> None:
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page()
