"""gzip for answers that are worth it, to those who can read it."""

from __future__ import annotations

import asyncio
import gzip
import re

from aiohttp import web as aiohttp_web

SMALLEST = 1024
"""Bytes of an answer below which packing costs more than it saves."""
_AT_ONCE = 64 * 1024
"""Bytes that are packed without asking a thread: a few tenths of a millisecond."""
_QUICK, _SMALL = 1, 9
GZIPPED = "-gzip"
"""Ends the tag of an answer that was packed: other bytes, the same object."""
_TYPES = re.compile(r"text/(?!event-stream)|image/svg|application/(\w+\+)?(json|javascript|xml)")
_NO_GZIP = re.compile(r"gzip\s*;\s*q=0(\.0*)?\s*(,|$)", re.IGNORECASE)


def accepts_gzip(request: aiohttp_web.BaseRequest) -> bool:
    """Whether the caller can read it."""
    said = request.headers.get("Accept-Encoding", "").lower()
    return "gzip" in said and _NO_GZIP.search(said) is None


def length_of(response: aiohttp_web.Response) -> int:
    """Bytes of an answer; 0 for one that is not in memory."""
    body = response.body
    return len(body) if isinstance(body, bytes) else 0


async def pack(request: aiohttp_web.BaseRequest, response: aiohttp_web.Response) -> None:
    """Pack an answer of more than a few bytes, if its kind and its reader allow that."""
    body = response.body
    headers = response.headers
    if not isinstance(body, bytes) or "Content-Encoding" in headers:
        return
    if not _TYPES.match(response.content_type):
        return
    vary_by(response, "Accept-Encoding")
    if not accepts_gzip(request):
        return
    if len(body) <= _AT_ONCE:
        packed = gzip.compress(body, _QUICK, mtime=0)
    else:
        packed = await asyncio.to_thread(gzip.compress, body, _QUICK, mtime=0)
    put_packed(response, packed)


def put_packed(response: aiohttp_web.Response, packed: bytes) -> None:
    """Send these bytes in place of the body that they stand for."""
    response.body = packed
    headers = response.headers
    headers["Content-Encoding"] = "gzip"
    if "ETag" in headers:
        headers["ETag"] = f'{headers["ETag"][:-1]}{GZIPPED}"'


def packed_well(content: bytes) -> bytes:
    """As small as it gets, for what is packed once and sent often."""
    return gzip.compress(content, _SMALL, mtime=0)


def vary_by(response: aiohttp_web.StreamResponse, header: str) -> None:
    """Tell caches that an answer depends on a header of the request."""
    known = response.headers.get("Vary")
    response.headers["Vary"] = f"{known}, {header}" if known else header
