"""Which refusals a route may give, each once in the document."""

from __future__ import annotations

from typing import Any

from web.openapi.headers import headers
from web.openapi.shapes import PLACE
from web.routes import PUBLIC, Route

PROBLEM = "application/problem+json"

_SAID = {
    400: "The request cannot be read.",
    401: "Nobody is signed in, or what says so is not valid.",
    403: "The caller may not do this.",
    404: "There is no such thing, or it is somebody else's.",
    405: "This method does not do this here.",
    408: "The body did not arrive in time.",
    409: "The state forbids it, or the first request with this key is still running.",
    412: "The object has changed since.",
    413: "The body is too large.",
    414: "The address is too long.",
    415: "The body is of another type, or compressed.",
    422: "The request does not fit; `errors` has each mistake.",
    426: "This address speaks WebSocket.",
    429: "The caller's quota is used up; see `Retry-After`.",
    431: "A header is too long.",
    500: "A mistake of ours; the log has it under `request_id`.",
    502: "A model's provider failed.",
    503: "Too busy, starting, or out of reach; see `Retry-After`.",
    504: "No outcome in time; the same `Idempotency-Key` is safe to send again.",
}
_RETRY = frozenset({429, 503})


def refusals(route: Route, *, guarded: bool) -> dict[str, Any]:
    """References to what a route may answer instead."""
    return {
        str(status): {"$ref": f"#/components/responses/{name_of(status, vital=route.vital)}"}
        for status in sorted(_statuses(route, guarded=guarded))
    }


def components() -> dict[str, Any]:
    """Every refusal."""
    found = {name_of(status): _response(status, vital=False) for status in _SAID}
    for status in (500, 503):
        found[name_of(status, vital=True)] = _response(status, vital=True)
    return dict(sorted(found.items()))


def name_of(status: int, *, vital: bool = False) -> str:
    """What it is called in the document."""
    return f"{'Vital' if vital else ''}Refusal{status}"


def _response(status: int, *, vital: bool) -> dict[str, Any]:
    names = ["RequestId"] if vital else ["RequestId", "RateLimit", "RateLimitPolicy"]
    if status in _RETRY:
        names.append("RetryAfter")
    if status == 401:
        names.append("Authenticate")
    return {
        "description": _SAID[status],
        "headers": headers(*names),
        "content": {PROBLEM: {"schema": {"$ref": PLACE.format(name="Problem")}}},
    }


def _statuses(route: Route, *, guarded: bool) -> set[int]:
    if route.vital:
        return {500, 503}
    found = {400, 414, 429, 431, 500, 503, *route.refuses}
    if route.permission != PUBLIC:
        found |= {401, 403, 504}
    if "{" in route.path:
        found |= {404}
    if route.query is not None or route.place is not None:
        found |= {422}
    if route.changing:
        found |= {404, 408, 409, 413, 415, 422}
    if route.changing:
        found |= {412}
    if route.tagged:
        found |= {422}
    if route.waits:
        found |= {502}
    if route.long_lived:
        found |= {426}
    return found
