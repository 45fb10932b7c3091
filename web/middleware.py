"""Everything a request passes before its handler, in one layer, and the one table of statuses."""

from __future__ import annotations

import itertools
import math
import re
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from time import monotonic
from typing import Any, Protocol

import orjson
from aiohttp import web as aiohttp_web
from sqlalchemy.exc import SQLAlchemyError

from vareon_runtime.errors import (
    InternalError,
    NotAuthenticated,
    NotPermitted,
    StoreFailed,
    VareonError,
)
from vareon_runtime.telemetry import failure
from web.admission import Admission
from web.auditing import denied, remember_id
from web.caller import attach_caller, caller_of
from web.client_address import is_secure
from web.client_files import ClientFiles
from web.compression import SMALLEST, length_of, pack
from web.credentials import identify, set_session
from web.cross_origin import CrossOrigin, methods_answer
from web.headers import REQUEST_ID, secure
from web.lasting import Lasting
from web.outcomes import KeyedRequests
from web.quotas import Quotas, tell_quotas
from web.refusals import Starting
from web.request_meter import UNKNOWN, RequestMeter
from web.routes import PUBLIC, Handler, Route
from web.services.authentication import Authenticator
from web.tracing import begin_trace

STATUS: dict[str, int] = {
    "invalid": 422,
    "poisoned": 422,
    "malformed": 400,
    "taken": 400,
    "bad_token": 400,
    "not_verified": 403,
    "too_large": 413,
    "too_slow": 408,
    "unknown_encoding": 415,
    "unknown_media_type": 415,
    "upgrade_required": 426,
    "wrong_method": 405,
    "not_found": 404,
    "conflict": 409,
    "precondition_failed": 412,
    "expired": 422,
    "circular_wait": 409,
    "id_reused": 422,
    "still_running": 409,
    "not_authenticated": 401,
    "token_reused": 401,
    "not_permitted": 403,
    "quota_exceeded": 429,
    "locked_out": 429,
    "overloaded": 503,
    "unavailable": 503,
    "stale_owner": 503,
    "store_failed": 503,
    "starting": 503,
    "unknown": 503,
    "refused": 409,
    "deadline_exceeded": 504,
    "upstream_error": 502,
    "upstream_unreachable": 502,
    "upstream_rejected": 502,
    "upstream_incomplete": 502,
    "upstream_invalid": 502,
    "upstream_rate_limited": 429,
    "upstream_timeout": 504,
    "cancelled": 409,
    "flow_halted": 500,
    "flow_diverged": 500,
}
"""What each error code means over HTTP; whatever is not here is a 500."""

_WAIT_AND_RETRY = frozenset({429, 503})
_SPREAD = frozenset({"overloaded", "quota_exceeded"})
"""Refusals after which everybody must not come again at the same moment."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PROBLEM = "application/problem+json"


class Opening(Protocol):
    """Says whether the system may be used yet."""

    @property
    def open(self) -> bool:
        """Whether it may."""
        ...


class FrontGate:
    """The one middleware: request id, gate, sign-in, permission, errors, headers.

    Args:
        access: What each route declares; filled before the first request.
        authenticator: Knows who is calling.
        opening: Says whether the system may be used yet.
        keyed: Answers requests that carry a key.
        admission: Knows how much is under way, and for whom.
        lasting: Sockets end by themselves when their client goes; what one is at is finished.
        quotas: Counts requests.
        cross_origin: Which pages of other sites may read answers.
        client: The operator's own client, which serves what no route does.
        requests: Counts what was answered, for whoever measures.
    """

    def __init__(
        self,
        access: Mapping[aiohttp_web.AbstractRoute, Route],
        authenticator: Authenticator,
        opening: Opening,
        keyed: KeyedRequests,
        admission: Admission,
        lasting: Lasting,
        quotas: Quotas,
        cross_origin: CrossOrigin,
        client: ClientFiles | None = None,
        requests: RequestMeter | None = None,
    ) -> None:
        self._client = client
        self._cross_origin = cross_origin
        self._methods: dict[str, set[str]] = {}
        self._access = access
        self._quotas = quotas
        self._authenticator = authenticator
        self._opening = opening
        self._keyed = keyed
        self._prefix = secrets.token_hex(4)
        self._numbers = itertools.count(1)
        self.requests = requests or RequestMeter()
        self._admission = admission
        self._lasting = lasting

    @aiohttp_web.middleware
    async def handle(
        self, request: aiohttp_web.Request, handler: Handler
    ) -> aiohttp_web.StreamResponse:
        """Pass a request on, and turn whatever comes back into an answer."""
        request_id = self._request_id(request)
        remember_id(request, request_id)
        trace = begin_trace(request.headers.get("traceparent"), request_id)
        began = monotonic()
        try:
            response = await self._serve(request, handler)
        except VareonError as error:
            response = _refusal(error, request_id)
            if error.code in _SPREAD:
                again_s = self._admission.come_again_s(error.retry_after_s)
                response.headers["Retry-After"] = str(again_s)
        except aiohttp_web.HTTPException as error:
            response = _http_refusal(error, request_id)
        except SQLAlchemyError as error:
            failure("database_unreadable", error, request_id=request_id)
            unreadable = StoreFailed("The database cannot be read right now; try again.", 2.0)
            response = _refusal(unreadable, request_id)
        except ConnectionError:
            response = problem(408, "disconnected", "The connection was lost.", request_id)
        except Exception as error:  # noqa: BLE001  # nothing unforeseen may leave as a bare 500
            failure("request_failed", error, request_id=request_id, method=request.method)
            response = _refusal(InternalError("Something went wrong here."), request_id)
        if not response.prepared:
            if self._cross_origin:
                self._cross_origin.tell(request, response)
            if type(response) is aiohttp_web.Response and length_of(response) > SMALLEST:
                await pack(request, response)
            secure(response.headers, by_tls=is_secure(request))
            tell_quotas(request, response.headers)
            response.headers[REQUEST_ID] = request_id
            trace.show(response.headers)
        route = self._access.get(request.match_info.route)
        method, path = (route.method, route.path) if route else (UNKNOWN, UNKNOWN)
        self.requests.count(method, path, response.status, monotonic() - began)
        return response

    async def _serve(
        self, request: aiohttp_web.Request, handler: Handler
    ) -> aiohttp_web.StreamResponse:
        route = self._access.get(request.match_info.route)
        if not self._opening.open and not (route and route.while_starting):
            raise Starting("Vareon is starting; try again in a moment.", 1.0)
        if route is None:
            return await self._elsewhere(request, handler)
        if route.long_lived:
            await self._admit(request, route)
            return await self._lasting.to_its_end(handler(request))
        session = await self._admit(request, route)
        if route.vital:
            return await handler(request)
        who = "" if route.permission == PUBLIC else caller_of(request).user_id
        with self._admission.admitted(who, waits=route.waits):
            response = await self._keyed.answer(request, route, handler)
        if session is not None and not response.prepared:
            set_session(request, response, session)
        return response

    async def _elsewhere(
        self, request: aiohttp_web.Request, handler: Handler
    ) -> aiohttp_web.StreamResponse:
        """What no route serves: an unknown address, or a method that a known one does not take."""
        try:
            return await handler(request)
        except aiohttp_web.HTTPNotFound:
            if self._client is None or request.method not in ("GET", "HEAD"):
                raise
            return await self._client.serve(request)
        except aiohttp_web.HTTPMethodNotAllowed as error:
            error.allowed_methods = self._methods_at(request.path) or error.allowed_methods
            if request.method == "OPTIONS":
                return methods_answer(error)
            error.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
            raise

    def _methods_at(self, path: str) -> set[str]:
        """The methods of an address that is written just so, not of one that it might fit too."""
        if not self._methods:
            for route in self._access.values():
                self._methods.setdefault(route.path, set()).add(route.method)
        return self._methods.get(path.rstrip("/"), set())

    async def _admit(self, request: aiohttp_web.Request, route: Route) -> str | None:
        """Count it and check the permission; a session token to hand out is returned."""
        if route.permission == PUBLIC:
            if not route.vital:
                self._quotas.count(request, route, "")
            return None
        try:
            signed_in, by_cookie = await identify(
                request, self._authenticator, socket=route.long_lived
            )
        except NotAuthenticated:
            self._quotas.count(request, route, "")
            raise
        self._quotas.count(request, route, signed_in.caller.user_id)
        if route.permission not in signed_in.caller.permissions:
            denied(request, route, signed_in.caller)
            raise NotPermitted("Not enough permissions")
        attach_caller(request, signed_in.caller)
        return self._authenticator.renewed(signed_in) if by_cookie else None

    def _request_id(self, request: aiohttp_web.BaseRequest) -> str:
        given = request.headers.get("X-Request-Id")
        if given is not None and _REQUEST_ID.fullmatch(given):
            return given
        return f"{self._prefix}-{next(self._numbers):x}"


def status_of(error: VareonError) -> int:
    """The HTTP status of an error."""
    return STATUS.get(error.code, 500)


def problem(
    status: int,
    code: str,
    detail: str,
    request_id: str,
    errors: tuple[dict[str, Any], ...] = (),
) -> aiohttp_web.Response:
    """An RFC 9457 answer."""
    body: dict[str, Any] = {
        "type": f"urn:vareon:error:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail or HTTPStatus(status).phrase,
        "request_id": request_id,
    }
    if errors:
        body["errors"] = errors
    return aiohttp_web.Response(
        status=status, body=orjson.dumps(body, default=str), content_type=_PROBLEM
    )


def _refusal(error: VareonError, request_id: str) -> aiohttp_web.Response:
    status = status_of(error)
    response = problem(status, error.code, error.detail, request_id, error.errors)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if status == 426:
        response.headers["Upgrade"] = "websocket"
    if status in _WAIT_AND_RETRY:
        response.headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s or 1.0)))
    return response


def _http_refusal(error: aiohttp_web.HTTPException, request_id: str) -> aiohttp_web.StreamResponse:
    status = error.status
    if status < 400:
        raise error
    phrases = {
        404: ("not_found", "There is nothing at this address."),
        405: ("wrong_method", "This address does not take this method."),
        413: ("too_large", "The body is larger than 1 MiB."),
    }
    code, detail = phrases.get(status, ("http", error.reason))
    response = problem(status, code, detail, request_id)
    allow = error.headers.get("Allow")
    if allow:
        response.headers["Allow"] = allow
    return response
