"""Headers that requests may carry and answers do."""

from __future__ import annotations

from typing import Any

from web.routes import PUBLIC, TAGS_PATTERN, Route
from web.schemas.paging import PageQuery

Schema = dict[str, Any]
_KEY = r"^[\x20-\x7e]{1,200}$"


def _in(name: str, description: str, pattern: str) -> Schema:
    schema = {"type": "string", "pattern": pattern}
    return {"name": name, "in": "header", "description": description, "schema": schema}


def _out(description: str, **schema: Any) -> Schema:
    return {"description": description, "schema": {"type": "string", **schema}}


PARAMETERS: dict[str, Schema] = {
    "IdempotencyKey": _in(
        "Idempotency-Key",
        "A request repeated under its key within 24 h is answered with its first outcome.",
        _KEY,
    ),
    "IfMatch": _in(
        "If-Match",
        "Do it only if the object is still the one that this `ETag` came with; 412 otherwise.",
        TAGS_PATTERN,
    ),
    "IfNoneMatch": _in(
        "If-None-Match",
        "Send the object only if it is not the one that this `ETag` came with; 304 otherwise.",
        TAGS_PATTERN,
    ),
}

HEADERS: dict[str, Schema] = {
    "RequestId": _out("The caller's own `X-Request-Id`, or one made for this request."),
    "RateLimit": _out("What is left of each quota, and in how many seconds it is whole again."),
    "RateLimitPolicy": _out("The quotas of this address: requests `q` within `w` seconds."),
    "RetryAfter": {
        "description": "In how many seconds to try again.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "Authenticate": _out("How to sign in.", examples=["Bearer"]),
    "ETag": _out("Stands for the object as it is now."),
    "Link": _out('Where the next page is: `<…>; rel="next"`; missing on the last one.'),
}

_NAMES = {
    "RequestId": "X-Request-Id",
    "RateLimit": "RateLimit",
    "RateLimitPolicy": "RateLimit-Policy",
    "RetryAfter": "Retry-After",
    "Authenticate": "WWW-Authenticate",
    "ETag": "ETag",
    "Link": "Link",
}


def headers(*names: str) -> dict[str, Schema]:
    """References to headers of answers."""
    return {_NAMES[name]: {"$ref": f"#/components/headers/{name}"} for name in names}


def of_every_answer(route: Route) -> list[str]:
    """What every answer of a route carries."""
    return ["RequestId"] if route.vital else ["RequestId", "RateLimit", "RateLimitPolicy"]


def of_good_answers(route: Route) -> list[str]:
    """What a good answer of a route carries besides."""
    found = []
    if route.tagged:
        found.append("ETag")
    if route.query is not None and issubclass(route.query, PageQuery):
        found.append("Link")
    return found


def parameters(route: Route, *, guarded: bool) -> list[Schema]:
    """References to the headers that a request may carry.

    Args:
        route: What is asked.
        guarded: Whether it changes an object that has an ETag.
    """
    names = []
    if route.changing and route.permission != PUBLIC:
        names.append("IdempotencyKey")
    if guarded:
        names.append("IfMatch")
    if route.tagged:
        names.append("IfNoneMatch")
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]
