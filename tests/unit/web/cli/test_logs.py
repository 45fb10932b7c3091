"""Several logs read as one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from web.cli import log_reader, main


def line(second: int, event: str, level: str = "info") -> str:
    """As our processes write it."""
    moment = f"2026-01-01T00:00:{second:02}.000+00:00"
    return json.dumps({"time": moment, "level": level, "event": event, "pid": 1, "key": "k"}) + "\n"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Two processes that wrote in turns, and one library that wrote no JSON."""
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "router.log").write_text(line(1, "one") + line(3, "three", "error"))
    (folder / "host.log").write_text(line(2, "two") + "of a library\n" + line(4, "four"))
    return tmp_path


def shown(data_dir: Path, *arguments: str) -> list[str]:
    """What the command prints."""
    result = CliRunner().invoke(main, ["logs", "--data-dir", str(data_dir), *arguments])
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def test_lines_come_in_the_order_of_time(data_dir: Path) -> None:
    """Whichever process wrote them; foreign lines stay behind the one before them."""
    events = [text.split()[2] for text in shown(data_dir)]
    assert events == ["one", "two", "of", "three", "four"]


def test_only_the_newest_are_shown(data_dir: Path) -> None:
    """Of all files together."""
    assert [text.split()[2] for text in shown(data_dir, "-n", "2")] == ["three", "four"]


def test_one_process_or_only_errors_or_as_written(data_dir: Path) -> None:
    """Three ways to look closer."""
    assert len(shown(data_dir, "--process", "router")) == 2
    assert [text.split()[2] for text in shown(data_dir, "--errors")] == ["three"]
    assert json.loads(shown(data_dir, "--json", "-n", "1")[0])["event"] == "four"


def test_an_unknown_process_is_named_with_those_there_are(data_dir: Path) -> None:
    """So that nobody has to look into the folder."""
    result = CliRunner().invoke(main, ["logs", "--data-dir", str(data_dir), "--process", "x"])
    assert result.exit_code == 1
    assert "host, router" in result.output


def test_what_is_written_later_follows(data_dir: Path) -> None:
    """Whole lines only, and on into a file that begins anew."""
    file = data_dir / "logs" / "host.log"
    following = log_reader.follow([file])
    with pytest.MonkeyPatch.context() as patch:
        steps = iter(
            [
                lambda: _append(file, line(5, "five") + line(6, "six")[:20]),
                lambda: _append(file, line(6, "six")[20:]),
                lambda: _anew(file, line(7, "seven")),
            ]
        )
        patch.setattr(log_reader.time, "sleep", lambda _: next(steps)())
        assert [next(following).fields["event"] for _ in range(3)] == ["five", "six", "seven"]


def _append(file: Path, text: str) -> None:
    with file.open("a") as log:
        log.write(text)


def _anew(file: Path, text: str) -> None:
    file.rename(file.with_suffix(".log.1"))
    file.write_text(text)


def test_only_the_end_of_a_large_file_is_read(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And it begins with a whole line."""
    monkeypatch.setattr(log_reader, "READ_BYTES", len(line(4, "four")) + 5)
    found = log_reader.newest([data_dir / "logs" / "host.log"], 10)
    assert [entry.fields["event"] for entry in found] == ["four"]
