"""Whether the first password is in force, asked of the running system itself."""

from __future__ import annotations

import asyncio
import ssl
from urllib.parse import quote, urlsplit

_PATIENCE_S = 5.0


async def accepts(url: str, password: str, tls: ssl.SSLContext | None = None) -> bool:
    """Try to sign in as the administrator."""
    form = f"username=admin&password={quote(password, safe='')}".encode()
    where = urlsplit(url)
    request = (
        f"POST /api/token HTTP/1.1\r\nHost: {where.netloc}\r\nConnection: close\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n\r\n"
    ).encode()
    try:
        async with asyncio.timeout(_PATIENCE_S):
            reader, writer = await asyncio.open_connection(where.hostname, where.port, ssl=tls)
            writer.write(request + form)
            status = (await reader.readline()).split()
            writer.close()
    except (OSError, TimeoutError):
        return False
    return status[1:2] == [b"200"]
