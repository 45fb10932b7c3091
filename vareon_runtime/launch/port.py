"""The listening socket, bound before anything else so that no client ever finds it closed."""

from __future__ import annotations

import errno
import socket

from vareon_runtime.errors import ConfigurationError

BACKLOG = 1024


def bind(host: str, port: int) -> socket.socket:
    """A listening socket on one address; port 0 takes any.

    Raises:
        ConfigurationError: If the address is not ours, or the port is in use or forbidden.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError):
        raise ConfigurationError(
            f"Host '{host}' is not an address of this machine: correct --host (VAREON_HOST)."
        ) from None
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setblocking(False)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise ConfigurationError(_why(error, host, port)) from None
    return listening


def _why(error: OSError, host: str, port: int) -> str:
    fix = "choose another with --port (VAREON_PORT)"
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is already in use: stop what uses it, or {fix}."
    if error.errno == errno.EACCES:
        return f"Port {port} on {host} is not allowed for this user: {fix}."
    return f"Cannot listen on {host} port {port} ({error.strerror}): correct --host, or {fix}."


def url_of(listening: socket.socket, scheme: str = "http") -> str:
    """The address in the form a browser takes."""
    host, port = listening.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - only shown
    if ":" in shown and "[" not in shown:
        shown = f"[{shown}]"
    return f"{scheme}://{shown}:{port}"


def free_dashboard_port(port: int) -> int:
    """The loopback port for Ray's dashboard, known to be free a moment ago.

    Raises:
        ConfigurationError: If a chosen port is in use.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            raise ConfigurationError(
                f"Port {port}, meant for the Ray dashboard, is already in use: stop what uses it, "
                "or choose another with --ray-dashboard-port (VAREON_RAY_DASHBOARD_PORT)."
            ) from None
        chosen: int = probe.getsockname()[1]
        return chosen
