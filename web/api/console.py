"""The page at ``/``: one file with one style and one script, both named in its policy by hash."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from pathlib import Path

from aiohttp import web as aiohttp_web

from vareon_runtime.errors import ConfigurationError
from web.compression import SMALLEST, accepts_gzip, packed_well, put_packed, vary_by
from web.conditions import names
from web.routes import PUBLIC, Route

ACCOUNT_PAGES = (
    "/register",
    "/verify-email",
    "/forgot-password",
    "/reset-password",
    "/accept-invitation",
)
"""Where people go who are not signed in yet, most of them from a letter."""
FOLDER = Path(__file__).parent.parent / "console"
_STYLE = re.compile(rb"<style>(.*?)</style>", re.DOTALL)
_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


class ConsoleRoutes:
    """The page, its icon, and the pages that links in letters open; read once at start."""

    def __init__(self, folder: Path = FOLDER, at: str = "/") -> None:
        self._files = {
            at: _page(folder / "index.html"),
            "/favicon.svg": StaticFile(read_page(folder / "favicon.svg"), "image/svg+xml", None),
            **dict.fromkeys(ACCOUNT_PAGES, _page(folder / "account.html")),
        }

    def routes(self) -> list[Route]:
        """What is served here."""
        return [
            Route(method, path, PUBLIC, file.serve, shown=False)
            for path, file in self._files.items()
            for method in ("GET", "HEAD")
        ]


class StaticFile:
    """A file in memory, sent again only when the browser's copy differs."""

    def __init__(self, content: bytes, content_type: str, policy: str | None) -> None:
        self._content = content
        self._packed: bytes | None = None
        self._type = content_type
        self._headers = {
            "ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
            "Cache-Control": "no-cache",
            "X-Frame-Options": "DENY",
        }
        if policy is not None:
            self._headers["Content-Security-Policy"] = policy

    async def serve(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """The file, or that it has not changed."""
        known = [*request.headers.getall("If-None-Match", ())]
        if known and names(known, self._headers["ETag"], weakly=True):
            return aiohttp_web.Response(status=304, headers=self._headers)
        charset = None if self._type == "application/json" else "utf-8"
        response = aiohttp_web.Response(
            body=self._content, content_type=self._type, charset=charset, headers=self._headers
        )
        if len(self._content) > SMALLEST and accepts_gzip(request):
            if self._packed is None:
                self._packed = await asyncio.to_thread(packed_well, self._content)
            put_packed(response, self._packed)
            vary_by(response, "Accept-Encoding")
        return response


def page_policy(page: bytes) -> str:
    """The content security policy that allows exactly this page's style and script."""
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src {_hashes(_SCRIPT, page)}",
            f"style-src {_hashes(_STYLE, page)}",
            "connect-src 'self'",
            "img-src 'self' data:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def _page(file: Path) -> StaticFile:
    page = read_page(file)
    return StaticFile(page, "text/html", page_policy(page))


def _hashes(pattern: re.Pattern[bytes], page: bytes) -> str:
    found = [
        f"'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'"
        for text in pattern.findall(page)
    ]
    return " ".join(found) or "'none'"


def read_page(file: Path) -> bytes:
    """A file that was installed with us.

    Raises:
        ConfigurationError: If it is missing.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{file.name} of the front door is missing; reinstall.") from error
