"""Where a request carries its credentials, and which of them counts."""

from __future__ import annotations

import contextlib
from urllib.parse import urlsplit

from aiohttp import web as aiohttp_web

from vareon_runtime.errors import NotAuthenticated, NotPermitted
from web.caller import Grant
from web.client_address import is_secure
from web.cross_origin import cross_origin_of
from web.services.api_keys import PREFIX
from web.services.authentication import Authenticator, SignedIn
from web.services.tokens import ACCESS, SESSION, SESSION_LIFE_S, Tokens

COOKIE = "vareon_session"
SOCKET_PROTOCOL = "vareon.v1"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_BEARER_PROTOCOL = "bearer."
_REFUSAL = "Could not validate credentials"


async def identify(
    request: aiohttp_web.Request, authenticator: Authenticator, *, socket: bool
) -> tuple[SignedIn, bool]:
    """Who is calling, and whether the cookie said so.

    The Authorization header comes first, then the cookie, then, for sockets, the places that
    browsers leave for a token.

    Raises:
        NotAuthenticated: If nothing valid is carried.
        NotPermitted: If the cookie came with a page of another site.
    """
    header = request.headers.get("Authorization")
    if header is not None:
        return await _by_header(request, authenticator, header, socket=socket)
    cookie = request.cookies.get(COOKIE)
    token = _socket_token(request) if socket else None
    if cookie:
        try:
            return await _by_cookie(request, authenticator, cookie, socket=socket), True
        except (NotAuthenticated, NotPermitted):
            # A cookie that does not count is no reason to refuse a token that does.
            if token is None and not (socket and "ticket" in request.query):
                raise
    if token is not None:
        return await authenticator.signed_in(token, ACCESS), False
    if socket and "ticket" in request.query:
        return await authenticator.by_ticket(request.query["ticket"]), False
    raise NotAuthenticated("Not authenticated")


def leaving(request: aiohttp_web.Request, tokens: Tokens) -> set[Grant]:
    """What a caller who signs out came with; tokens that have expired count here.

    Raises:
        NotPermitted: If the cookie came with a page of another site.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    carried = [(token.strip(), ACCESS)] if scheme.lower() == "bearer" else []
    cookie = request.cookies.get(COOKIE)
    if cookie:
        check_origin(request)
        carried.append((cookie, SESSION))
    found = set()
    for one, audience in carried:
        with contextlib.suppress(NotAuthenticated):
            found.add(tokens.signed_claims(one, audience).grant)
    return found


def set_session(
    request: aiohttp_web.Request, response: aiohttp_web.StreamResponse, token: str
) -> None:
    """Give the browser a session."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=SESSION_LIFE_S,
        path="/",
        httponly=True,
        samesite="Strict",
        secure=is_secure(request),
    )


def clear_session(request: aiohttp_web.Request, response: aiohttp_web.StreamResponse) -> None:
    """Take it back."""
    response.del_cookie(
        COOKIE, path="/", httponly=True, samesite="Strict", secure=is_secure(request)
    )


async def _by_header(
    request: aiohttp_web.Request, authenticator: Authenticator, header: str, *, socket: bool
) -> tuple[SignedIn, bool]:
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise NotAuthenticated(_REFUSAL)
    try:
        return await authenticator.signed_in(token, ACCESS), False
    except NotAuthenticated:
        cookie = request.cookies.get(COOKIE)
        if not cookie:
            raise
        found = await _by_cookie(request, authenticator, cookie, socket=socket)
        if not authenticator.same_user(token, ACCESS, found.caller.user_id):
            raise
        return found, True


async def _by_cookie(
    request: aiohttp_web.Request, authenticator: Authenticator, cookie: str, *, socket: bool
) -> SignedIn:
    if socket and "Origin" not in request.headers:
        # Every browser names the page that opens a socket: who names none has to bring a token.
        raise NotPermitted(
            "A session cookie opens a socket only from a page, which sends its Origin; "
            "send a token, a key or a ticket instead."
        )
    if socket or request.method not in _SAFE_METHODS:
        check_origin(request)
    return await authenticator.signed_in(cookie, SESSION)


def check_origin(request: aiohttp_web.BaseRequest) -> None:
    """Refuse what a page of another site made the browser send.

    Raises:
        NotPermitted: If the Origin is foreign.
    """
    if is_foreign(request):
        raise NotPermitted("Requests with a session cookie must come from this site's own pages.")


def is_foreign(request: aiohttp_web.BaseRequest) -> bool:
    """Whether a page of another site made the browser send this."""
    origin = request.headers.get("Origin")
    if origin is None:
        return request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin")
    # Behind a proxy that ends TLS the scheme differs; host and port are what counts.
    own = _authority(origin) == request.headers.get("Host", "").lower()
    return not own and not cross_origin_of(request).trusts(origin)


def _authority(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _socket_token(request: aiohttp_web.BaseRequest) -> str | None:
    for offered in request.headers.get("Sec-WebSocket-Protocol", "").split(","):
        name = offered.strip()
        if name.startswith(_BEARER_PROTOCOL):
            return name[len(_BEARER_PROTOCOL) :]
    token = request.query.get("token")
    if token is not None and token.startswith(PREFIX):
        raise NotAuthenticated(
            "A key in an address is written down on its way; send it in a header, or a ticket."
        )
    return token
