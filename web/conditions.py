"""ETags: an object is sent only if it is new to its caller, and changed only if it is not.

One rule for every route. A route that answers with one object tags its answer with a digest of the
bytes; a route that changes what another one with the same path answers with heeds ``If-Match`` and
``If-None-Match`` (RFC 9110, section 13), see `web.guard`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from hashlib import blake2b

from aiohttp import web as aiohttp_web

from vareon_runtime.errors import InvalidMessage, NotPermitted, PreconditionFailed
from web.caller import caller_of
from web.compression import GZIPPED
from web.given import reading
from web.guard import guarding
from web.routes import PUBLIC, TAGS_PATTERN, Handler, Route

_TAG = re.compile(r'(W/)?"([^"]*)"')
_TAGS = re.compile(TAGS_PATTERN)


def conditional(route: Route, singles: Mapping[str, Route]) -> Handler:
    """The route's handler, behind everything that the route declares.

    Args:
        route: What is served.
        singles: Routes that answer with one object, by their paths; see `single_objects`.
    """
    handler = reading(route)
    if route.tagged:
        return _tagged(handler)
    if not route.changing:
        return handler
    single = singles.get(route.path) if route.method != "POST" else None
    return _guarded(handler, single, same=single is not None and single.answer == route.answer)


def single_objects(routes: Iterable[Route]) -> dict[str, Route]:
    """The routes that answer with one object, by their paths."""
    return {route.path: route for route in routes if route.tagged}


def tag_of(body: bytes) -> str:
    """The ETag of an answer with these bytes."""
    return f'"{blake2b(body, digest_size=16).hexdigest()}"'


def names(headers: list[str], tag: str, *, weakly: bool) -> bool:
    """Whether one of these header lines names a tag, or any by ``*``.

    Args:
        headers: Values of ``If-Match`` or ``If-None-Match``.
        tag: The object's own.
        weakly: Whether tags count that do not promise equal bytes.

    Raises:
        InvalidMessage: If they are neither tags nor ``*``.
    """
    said = ",".join(headers).strip()
    if not _TAGS.fullmatch(said):
        raise InvalidMessage('ETags are expected, such as "1a2b", or *; look at the object again.')
    if said == "*":
        return True
    wanted = tag.strip('"')
    return any(
        name.removesuffix(GZIPPED) == wanted and (weakly or not weak)
        for weak, name in _TAG.findall(said)
    )


def _tagged(handler: Handler) -> Handler:
    async def serve(request: aiohttp_web.Request) -> aiohttp_web.StreamResponse:
        response = await handler(request)
        tag = _tag(response)
        if not tag:
            return response
        known = request.headers.getall("If-None-Match", ())
        if known and names([*known], tag, weakly=True):
            response = aiohttp_web.Response(status=304)
            packed = f'{tag[:-1]}{GZIPPED}"'
            tag = packed if packed in ",".join(known) else tag
        response.headers["ETag"] = tag
        return response

    return serve


def _guarded(handler: Handler, single: Route | None, *, same: bool) -> Handler:
    """The handler of a change, and the route that shows what it changes.

    Args:
        handler: Makes the change.
        single: Shows the object; None if none does.
        same: Whether the change is answered with the object as that route shows it.
    """

    async def serve(request: aiohttp_web.Request) -> aiohttp_web.StreamResponse:
        headers = request.headers
        if "If-Match" in headers or "If-None-Match" in headers:
            return await _under_guard(request, handler, single, same=same)
        return _with_tag(await handler(request)) if same else await handler(request)

    return serve


async def _under_guard(
    request: aiohttp_web.Request, handler: Handler, single: Route | None, *, same: bool
) -> aiohttp_web.StreamResponse:
    if single is None:
        raise PreconditionFailed("Nothing here has an ETag; send it without If-Match.")
    if single.permission not in (PUBLIC, *caller_of(request).permissions):
        raise NotPermitted("Not enough permissions")
    show = reading(single)

    async def look() -> None:
        tag = _tag(await show(request))
        matching, other = (
            request.headers.getall(name, []) for name in ("If-Match", "If-None-Match")
        )
        if matching and not names(matching, tag, weakly=False):
            raise PreconditionFailed("It has changed since you looked at it; look again.")
        if other and names(other, tag, weakly=True):
            raise PreconditionFailed("It exists as you named it; nothing was changed.")

    with guarding(look) as guard:
        response = await handler(request)
    if not guard.used:
        await look()  # Nothing was to be changed, but what was said of the object counts.
    return _with_tag(response) if same else response


def _with_tag(response: aiohttp_web.StreamResponse) -> aiohttp_web.StreamResponse:
    tag = _tag(response)
    if tag:
        response.headers["ETag"] = tag
    return response


def _tag(response: aiohttp_web.StreamResponse) -> str:
    """The tag of a whole, good answer; empty for any other."""
    if response.status != 200 or not isinstance(response, aiohttp_web.Response):
        return ""
    body = response.body
    return tag_of(body) if isinstance(body, bytes) else ""
