"""The audit is red for a vulnerable pin, and never green without an answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests import audit


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """A server that knows of vulnerabilities in the packages of this set."""
    vulnerable: set[str] = set()

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            results = [
                {"vulns": [{"id": "TEST-1"}]} if query["package"]["name"] in vulnerable else {}
                for query in asked["queries"]
            ]
            answer = json.dumps({"results": results}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setattr(audit, "DATABASE", f"http://127.0.0.1:{server.server_port}")
        yield vulnerable
        server.shutdown()
        thread.join()


def test_a_vulnerable_pin_is_found(database: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    """By name and version, with its identifier."""
    assert audit.main() == audit.CLEAN
    database.add("aiohttp")
    assert audit.main() == audit.FOUND
    assert "aiohttp 3." in capsys.readouterr().out


def test_without_an_answer_it_is_not_passed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says what is missing."""
    monkeypatch.setattr(audit, "DATABASE", "http://127.0.0.1:9")
    assert audit.main() == audit.NOT_DONE
    assert "needs the network" in capsys.readouterr().out
