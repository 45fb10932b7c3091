"""Whatever goes wrong is one sentence and an exit code."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from web.cli import calling, main


def run(*arguments: str) -> tuple[int, list[str]]:
    """Exit code and the lines that were said."""
    result = CliRunner().invoke(main, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output.strip().splitlines()


@contextmanager
def server(answer: bytes) -> Iterator[str]:
    """Answers everything with these bytes, and hangs up."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(answer)
            self.close_connection = True

        def log_message(self, *_arguments: object) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


def http(body: bytes, status: str = "200 OK", length: int | None = None) -> bytes:
    """An answer that may promise more than it brings."""
    count = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {count}\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"", "was lost before the answer came"),
        (http(b'[{"name"', length=1000), "was lost before the answer came"),
        (http(b"<html>"), "is no JSON"),
        (http(b"\xff\xfe\xff"), "is no JSON"),
        (http(b"<html>", "502 Bad Gateway"), "the answer was HTTP 502"),
        (http(b"[]", "403 Forbidden"), "the answer was HTTP 403"),
        (http(b'[{"name": "x"}]'), "was not foreseen (KeyError"),
    ],
)
def test_odd_servers(answer: bytes, sentence: str) -> None:
    """One line each."""
    with server(answer) as url:
        code, lines = run("role", "list", "--url", url, "--token", "t")
    assert (code, len(lines)) == (1, 1)
    assert sentence in lines[0]


@pytest.mark.parametrize(
    ("url", "sentence"), [("http://127.0.0.1:1", "nothing answers"), ("nonsense", "is no address")]
)
def test_nobody_there(url: str, sentence: str) -> None:
    code, lines = run("role", "list", "--url", url, "--token", "t")
    assert (code, len(lines)) == (1, 1)
    assert sentence in lines[0]


@pytest.mark.parametrize(
    ("raised", "code", "sentence"),
    [
        (PermissionError(13, "Permission denied", "/x/y"), 1, "/x/y is not yours to use"),
        (OSError(28, "No space left on device"), 1, "the disk is full"),
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(32, "Broken pipe"), 0, ""),
    ],
)
def test_what_a_command_raises(
    raised: BaseException, code: int, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_arguments: object) -> None:
        raise raised

    monkeypatch.setattr(calling, "call", fails)
    told, lines = run("role", "list", "--url", "http://x", "--token", "t")
    assert told == code
    assert sentence in "\n".join(lines)
    assert len(lines) <= 1


def test_a_data_dir_of_somebody_else(tmp_path: Path) -> None:
    """Root may do anything; so it is tried as somebody who may not."""
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "secrets" / "jwt.key").write_text("x")
    locked = tmp_path / "secrets"
    locked.chmod(0)
    root = os.geteuid() == 0
    __import__("web.services.tokens")
    try:
        if root:
            os.seteuid(65534)
        code, lines = run("token", "--data-dir", str(tmp_path))
    finally:
        if root:
            os.seteuid(0)
        locked.chmod(0o700)
    assert (code, len(lines)) == (1, 1)
    assert "Permission denied" in lines[0]


def test_whoever_reads_the_log_has_enough(tmp_path: Path) -> None:
    """As with ``vareon logs | head -1``: many lines, and nobody who takes them."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "router.log").write_text("one line of it\n" * 20_000)
    command = [sys.executable, "-m", "web.cli", "logs", "-n", "20000", "--data-dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        complaint = process.stderr.read()
        assert (process.wait(30), complaint) == (0, b"")
