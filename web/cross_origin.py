"""Pages of other sites: none may read our answers, except those that the operator lists."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web as aiohttp_web

from web.compression import vary_by

REMEMBERED_S = 600
_EXPOSED = "ETag, Link, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id"
_HEADERS = (
    "Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, "
    "Last-Event-ID, X-Request-Id"
)


class CrossOrigin:
    """The sites whose pages may use this one.

    Args:
        allowed: Origins such as ``https://app.example.org``. ``*`` stands for any, but then
            without the session cookie: only a page that was given a token can do anything.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = frozenset(origin.rstrip("/").lower() for origin in allowed)

    def __bool__(self) -> bool:
        return bool(self._allowed)

    def trusts(self, origin: str) -> bool:
        """Whether pages of this origin are as good as our own, so that a cookie counts there."""
        return origin.lower() in self._allowed

    def tell(self, request: aiohttp_web.BaseRequest, response: aiohttp_web.StreamResponse) -> None:
        """Let the page that asks read the answer, if its origin is allowed."""
        vary_by(response, "Origin")
        origin = request.headers.get("Origin")
        if origin is None or not (self.trusts(origin) or "*" in self._allowed):
            return
        headers = response.headers
        headers["Access-Control-Expose-Headers"] = _EXPOSED
        if self.trusts(origin):
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Allow-Credentials"] = "true"
        else:
            headers["Access-Control-Allow-Origin"] = "*"
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            headers["Access-Control-Allow-Methods"] = headers.get("Allow", "")
            headers["Access-Control-Allow-Headers"] = _HEADERS
            headers["Access-Control-Max-Age"] = str(REMEMBERED_S)


CROSS_ORIGIN = aiohttp_web.AppKey("cross_origin", CrossOrigin)
_NOBODY = CrossOrigin()


def cross_origin_of(request: aiohttp_web.BaseRequest) -> CrossOrigin:
    """What the application was told of other sites."""
    app = getattr(request, "app", None)
    found = None if app is None else app.get(CROSS_ORIGIN)
    return found if isinstance(found, CrossOrigin) else _NOBODY


def methods_answer(error: aiohttp_web.HTTPMethodNotAllowed) -> aiohttp_web.Response:
    """What an address takes, for whoever asks by OPTIONS."""
    allow = ", ".join(sorted({*error.allowed_methods, "OPTIONS"}))
    return aiohttp_web.Response(status=204, headers={"Allow": allow})
