"""A single-page client from a folder: its files with their types, its page, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from tests.unit.web.fake_bus import FakeSystem
from vareon_runtime.errors import ConfigurationError
from web.client_files import ClientFiles

PAGE = b"<!doctype html><title>client</title>"
FILES = {
    "index.html": PAGE,
    "assets/app-B3x9_kQz.js": b"go()",
    "assets/style-0123abcd.css": b"a{}",
    "assets/plain.js": b"go()",
    "manifest.json": b"{}",
    "robots.txt": b"User-agent: *",
    "sitemap.xml": b"<urlset/>",
    "logo.jpg": b"\xff\xd8",
    "deep/er/file.svg": b"<svg/>",
    ".env": b"SECRET=1",
    ".git/config": b"secret",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "client"
    for name, content in FILES.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_bytes(content)
    (tmp_path / "secret.txt").write_bytes(b"secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "key.txt").write_bytes(b"secret")
    (made / "link.txt").symlink_to(tmp_path / "secret.txt")
    (made / "linked").symlink_to(tmp_path / "outside")
    return made


@pytest.fixture
async def client(aiohttp_client: Any, folder: Path) -> Any:
    return await aiohttp_client(FakeSystem(static_dir=folder).app)


async def _got(client: Any, path: str, method: str = "GET", **headers: str) -> Any:
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    address = client.make_url("/").with_path("/") if path == "/" else None
    target = address or URL(f"{client.make_url('/')}{path.lstrip('/')}", encoded=True)
    response = await client.session.request(method, target, headers=said)
    return response, await response.read()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/assets/app-B3x9_kQz.js", "text/javascript"),
        ("/assets/style-0123abcd.css", "text/css"),
        ("/manifest.json", "application/json"),
        ("/robots.txt", "text/plain"),
        ("/logo.jpg", "image/jpeg"),
        ("/deep/er/file.svg", "image/svg+xml"),
    ],
)
async def test_a_file_has_its_type(client: Any, path: str, kind: str) -> None:
    """And is not to be taken for another."""
    response, body = await _got(client, path)
    assert (response.status, response.content_type, body) == (200, kind, FILES[path[1:]])
    assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_what_is_no_file_is_the_page(client: Any) -> None:
    """The client knows its own addresses."""
    for path in (
        "/dashboard",
        "/dashboard/arcana?tab=git",
        "/auth/",
        "/a/b/c",
        "/arcana",
        "/arcanalike",
    ):
        response, body = await _got(client, path)
        assert (response.status, response.content_type, body) == (200, "text/html", PAGE), path
        assert response.headers["Cache-Control"] == "no-cache"
        response, body = await _got(client, path, "HEAD")
        assert (response.status, body) == (200, b"")


@pytest.mark.parametrize(
    "path",
    [
        *("/api", "/api/nothing", "/v1/nothing", "/ws", "/ws/nothing", "/wsx"),
        *("/arcana/nothing", "/cognisys/nothing", "/assets/gone.js", "/favicon.ico"),
        *("/logo192.png", "/logo512.png", "/deep/gone.css"),
    ],
)
async def test_what_is_unknown_among_ours_is_not_the_page(client: Any, path: str) -> None:
    """404 as a problem report; so is a file that is not there."""
    response, _ = await _got(client, path)
    assert (response.status, response.content_type) == (404, "application/problem+json")


@pytest.mark.parametrize(
    "path",
    [
        *("/../secret.txt", "/..%2fsecret.txt", "/%2e%2e/secret.txt", "/assets/../../secret.txt"),
        *("/..%5csecret.txt", "/....//secret.txt", "/link.txt", "/linked/key.txt", "/.env"),
        *("/.git/config", "/deep/%2e%2e/%2e%2e/secret.txt", "/%00", "/index.html%00.js"),
        *("//etc/passwd", "/%2fetc%2fpasswd", "/assets/%2e%2e%2f%2e%2e%2fsecret.txt"),
    ],
)
async def test_nothing_from_outside_and_nothing_hidden(client: Any, path: str) -> None:
    """However it is written; links lead nowhere."""
    response, body = await _got(client, path)
    assert b"secret" not in body.lower() and b"root:" not in body
    assert response.status in (200, 404)
    assert response.status == 404 or body == PAGE


async def test_a_name_with_its_hash_is_kept_for_ever(client: Any) -> None:
    """Any other is asked for anew, and sent only if it has changed."""
    response, _ = await _got(client, "/assets/app-B3x9_kQz.js")
    assert "immutable" in response.headers["Cache-Control"]
    for path in ("/assets/plain.js", "/robots.txt"):
        response, _ = await _got(client, path)
        assert response.headers["Cache-Control"] == "no-cache"
        tag = response.headers["ETag"]
        response, body = await _got(client, path, If_None_Match=tag)
        assert (response.status, body) == (304, b"")
    response, body = await _got(client, "/robots.txt", Range="bytes=0-3")
    assert (response.status, body) == (206, b"User")


async def test_only_reading(client: Any) -> None:
    """Nothing else finds anything there."""
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        response, _ = await _got(client, "/dashboard", method)
        assert response.status == 404


def test_a_folder_without_a_page_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"index\.html"):
        ClientFiles(tmp_path)
