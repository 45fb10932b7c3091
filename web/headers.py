"""Headers that keep a browser from doing more with an answer than it should."""

from __future__ import annotations

from multidict import CIMultiDict

_SECURE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Server": "vareon",
}
_API_POLICY = "default-src 'none'; frame-ancestors 'none'"


def secure(headers: CIMultiDict[str]) -> None:
    """Add them; a policy or caching rule that the handler chose stays."""
    headers.update(_SECURE)
    headers.setdefault("Cache-Control", "no-store")
    headers.setdefault("Content-Security-Policy", _API_POLICY)
