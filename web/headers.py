"""Headers that keep a browser from doing more with an answer than it should."""

from __future__ import annotations

from multidict import CIMultiDict, istr

# Names made once: to fold their case each time costs more than to set the headers.
REQUEST_ID = istr("X-Request-Id")
_SECURE = {
    istr("X-Content-Type-Options"): "nosniff",
    istr("Referrer-Policy"): "no-referrer",
    istr("Cross-Origin-Resource-Policy"): "same-origin",
    istr("Server"): "vareon",
}
_CACHING, _POLICY = istr("Cache-Control"), istr("Content-Security-Policy")
_API_POLICY = "default-src 'none'; frame-ancestors 'none'"


def secure(headers: CIMultiDict[str]) -> None:
    """Add them; a policy or caching rule that the handler chose stays."""
    headers.update(_SECURE)
    headers.setdefault(_CACHING, "no-store")
    headers.setdefault(_POLICY, _API_POLICY)
