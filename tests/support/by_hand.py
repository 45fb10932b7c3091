"""Requests over a bare socket, for clients that hang up or never read."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

from tests.support.system import InProcessSystem


async def request_by_hand(
    system: InProcessSystem,
    method: str,
    path: str,
    body: Any = None,
    *,
    receive_buffer: int | None = None,
    **headers: str,
) -> socket.socket:
    """Send a request as the administrator. Nothing reads the answer; closing hangs up.

    Args:
        system: Where to.
        method: Of HTTP.
        path: With its query.
        body: Sent as JSON.
        receive_buffer: Bytes the system keeps for a client that does not read.
        headers: With underscores for hyphens.
    """
    loop = asyncio.get_running_loop()
    connection = socket.socket()
    if receive_buffer is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.setblocking(False)
    await loop.sock_connect(connection, ("127.0.0.1", system.port))
    content = b"" if body is None else json.dumps(body).encode()
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {system.tokens.issue_access(system.admin_id)}",
        f"Content-Length: {len(content)}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    head = "\r\n".join(lines) + "\r\n\r\n"
    await loop.sock_sendall(connection, head.encode() + content)
    return connection


async def socket_by_hand(
    system: InProcessSystem, path: str, *, receive_buffer: int | None = None
) -> socket.socket:
    """Open a WebSocket as the administrator; nothing reads what comes after the handshake."""
    opened = await request_by_hand(
        system,
        "GET",
        path,
        receive_buffer=receive_buffer,
        Upgrade="websocket",
        Connection="Upgrade",
        Sec_WebSocket_Version="13",
        Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==",
    )
    head = await asyncio.get_running_loop().sock_recv(opened, 12)
    assert head == b"HTTP/1.1 101"
    return opened
