"""Reading what a request carries, within bounds of size and time."""

from __future__ import annotations

import asyncio

from aiohttp import web as aiohttp_web
from aiohttp.http_exceptions import HttpProcessingError

from web.refusals import Malformed, TooLarge, TooSlow, UnknownEncoding

LARGEST_BODY = 1024 * 1024
BODY_TIME_S = 30.0


async def read_bytes(request: aiohttp_web.Request) -> bytes:
    """The body as it came.

    Raises:
        TooLarge: If it is larger than we read.
        TooSlow: If it does not arrive in time.
        UnknownEncoding: If it is compressed.
        Malformed: If its transfer encoding is broken.
    """
    check_head(request)
    try:
        if request.content.is_eof():
            return await request.read()
        async with asyncio.timeout(BODY_TIME_S):
            return await request.read()
    except TimeoutError:
        raise TooSlow("The body did not arrive in time.") from None
    except (HttpProcessingError, aiohttp_web.RequestPayloadError) as error:
        raise Malformed("The body's encoding is broken.") from error


def check_head(request: aiohttp_web.Request) -> None:
    """Refuse a body by what its headers say of it.

    Raises:
        TooLarge: If it is larger than we read.
        UnknownEncoding: If it is compressed.
    """
    declared = request.content_length
    if declared is not None and declared > LARGEST_BODY:
        raise TooLarge("The body is larger than 1 MiB.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnknownEncoding("Send the body without compression.")
