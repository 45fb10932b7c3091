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
_STRICT = istr("Strict-Transport-Security")
STRICT_FOR_S = 365 * 24 * 3600
"""How long a browser that has seen us over TLS opens us over nothing else."""
_ONLY_TLS = f"max-age={STRICT_FOR_S}"
_API_POLICY = "default-src 'none'; frame-ancestors 'none'"


def secure(headers: CIMultiDict[str], *, by_tls: bool = False) -> None:
    """Add them; a policy or caching rule that the handler chose stays.

    Args:
        headers: Of the answer.
        by_tls: The client speaks TLS: only there a browser may be told to speak nothing else.
            Neighbouring names are left alone; they may be somebody else's.
    """
    headers.update(_SECURE)
    headers.setdefault(_CACHING, "no-store")
    headers.setdefault(_POLICY, _API_POLICY)
    if by_tls:
        headers[_STRICT] = _ONLY_TLS
