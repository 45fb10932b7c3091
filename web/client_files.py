"""A single-page client from a folder of the operator's: its files, and its page for all else.

Whatever is not a file is the page, for the client knows its own addresses; except below what is the
API's, where unknown is unknown, and except names that browsers and robots ask for by themselves.
"""

from __future__ import annotations

import asyncio
import mimetypes
import re
from pathlib import Path, PurePosixPath

from aiohttp import web as aiohttp_web

from vareon_runtime.errors import ConfigurationError, NotFound

INDEX = "index.html"
_OURS = ("api", "v1", "docs", "openapi.json", "assets")
_BELOW = ("arcana", "cognisys")
"""The client may have pages of these names, but nothing below them."""
_HASHED = re.compile(r"[.-][A-Za-z0-9_-]{8,}\.\w+$")
_FILE_NAME = re.compile(r"[^/]*\.[A-Za-z0-9]{1,11}$")
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
"""Clients that are built put styles into attributes; scripts they load by address."""
_TYPES = mimetypes.MimeTypes()
for _end, _type in (
    (".js", "text/javascript"),
    (".mjs", "text/javascript"),
    (".webmanifest", "application/manifest+json"),
    (".wasm", "application/wasm"),
    (".woff2", "font/woff2"),
    (".map", "application/json"),
):
    _TYPES.add_type(_type, _end)


class ClientFiles:
    """The files of one folder, and nothing that lies outside it.

    Args:
        folder: Where ``index.html`` is.

    Raises:
        ConfigurationError: If it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        if not (self._folder / INDEX).is_file():
            raise ConfigurationError(
                f"VAREON_STATIC_DIR: there is no {INDEX} in {folder}; build the client first."
            )

    async def serve(self, request: aiohttp_web.Request) -> aiohttp_web.StreamResponse:
        """A file, or the page.

        Raises:
            NotFound: If the address is one of ours, or of a file that is not there.
        """
        path = request.match_info.get("path", request.path).lstrip("/")
        found = await asyncio.to_thread(self._file, path)
        if found is None:
            if is_ours(path) or _FILE_NAME.search(path.rstrip("/")):
                raise NotFound("There is nothing at this address.")
            found = self._folder / INDEX
        return _response(found)

    def _file(self, path: str) -> Path | None:
        parts = PurePosixPath(path).parts
        if not parts or "\0" in path or "\\" in path or any(part[:1] == "." for part in parts):
            return None
        found = self._folder.joinpath(*parts)
        try:
            real = found.resolve(strict=True)
        except (OSError, RuntimeError):
            return None
        # A link, in the last part or before it, leads to another place than the name says.
        return found if real == found and found.is_file() else None


def is_ours(path: str) -> bool:
    """Whether an address belongs to the API, so that it is never the client's page."""
    first, below, _ = path.partition("/")
    return first in _OURS or first.startswith("ws") or bool(below and first in _BELOW)


def _response(file: Path) -> aiohttp_web.FileResponse:
    kind, _ = _TYPES.guess_type(file.name)
    immutable = "assets" in file.parts and _HASHED.search(file.name) is not None
    headers = {
        "Content-Type": _with_charset(kind or "application/octet-stream"),
        "Cache-Control": "public, max-age=31536000, immutable" if immutable else "no-cache",
        "Content-Security-Policy": _POLICY,
        "X-Frame-Options": "DENY",
    }
    return aiohttp_web.FileResponse(file, headers=headers)


def _with_charset(kind: str) -> str:
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
