"""Writes down what is done through routes that declare it, and what is refused to whom.

Before a change is made an entry says that it begins, after it another says what it came to, and
only then is the caller answered. So whatever dies in between, nothing is done that left no trace,
and nothing is confirmed whose outcome is not written down.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from aiohttp import web as aiohttp_web

from actors.system.messages import RecordAudit
from vareon_runtime.errors import VareonError
from web.caller import Caller, caller_of
from web.client_address import address_of
from web.lasting import Lasting
from web.routes import PUBLIC, Route
from web.services.audit import Audit

AUDIT = aiohttp_web.AppKey("audit", Audit)
DENIED = "denied"
"""The action of an entry about somebody who lacks a permission."""
DONE, BEGUN = "done", "begun"


@dataclass(slots=True)
class _Note:
    """What a handler has told about what it does."""

    target: str | None = None
    detail: str | None = None
    user_id: str | None = None


_NOTE = aiohttp_web.RequestKey("audit_note", _Note)
_REQUEST_ID = aiohttp_web.RequestKey("request_id", str)


def about(
    request: aiohttp_web.Request,
    *,
    target: str | None = None,
    detail: str | None = None,
    user_id: str | None = None,
) -> None:
    """Tell the entry of this request more; never a secret.

    Args:
        request: The request.
        target: What it is done to, if the path does not say so.
        detail: What is done, beyond the action's name.
        user_id: Who does it, where the route is public.
    """
    note = request.setdefault(_NOTE, _Note())
    note.target = target or note.target
    note.detail = detail or note.detail
    note.user_id = user_id or note.user_id


def remember_id(request: aiohttp_web.BaseRequest, request_id: str) -> None:
    """Have entries about this request name it."""
    request[_REQUEST_ID] = request_id


def watched(route: Route, lasting: Lasting) -> Route:
    """The route with entries about what it does, if it declares an action.

    Args:
        route: As it is declared.
        lasting: Brings a change and its entries to their end though the client hangs up.
    """
    if not route.audit:
        return route

    async def watch(request: aiohttp_web.Request) -> aiohttp_web.StreamResponse:
        audit = request.app.get(AUDIT)
        if audit is None:
            return await route.handler(request)
        if route.permission == PUBLIC:
            return await _afterwards(request, route, audit)
        return await lasting.to_its_end(_before_and_after(request, route, audit))

    return replace(route, handler=watch)


async def _before_and_after(
    request: aiohttp_web.Request, route: Route, audit: Audit
) -> aiohttp_web.StreamResponse:
    await audit.record(_entry(request, route.audit, BEGUN))
    try:
        response = await route.handler(request)
    except Exception as error:
        await audit.record(_entry(request, route.audit, _code(error)))
        raise
    await audit.record(_entry(request, route.audit, DONE))
    return response


async def _afterwards(
    request: aiohttp_web.Request, route: Route, audit: Audit
) -> aiohttp_web.StreamResponse:
    """Whoever is not known yet may be anybody, any number of times."""
    try:
        response = await route.handler(request)
    except Exception as error:
        audit.refused(_entry(request, route.audit, _code(error)))
        raise
    await audit.record(_entry(request, route.audit, DONE))
    return response


def denied(request: aiohttp_web.Request, route: Route, caller: Caller) -> None:
    """Somebody lacks a route's permission."""
    audit = request.app.get(AUDIT)
    if audit is not None:
        about(request, detail=f"{route.method} needs {route.permission}", target=request.path)
        audit.refused(_entry(request, DENIED, "not_permitted", caller))


def noticed(
    request: aiohttp_web.Request, action: str, result: str, *, user_id: str, target: str = ""
) -> None:
    """Something came of a request of somebody who is not signed in; written down soon.

    Args:
        request: The request.
        action: What was done.
        result: How that ended.
        user_id: Whose account it concerns.
        target: What it was done to.
    """
    audit = request.app.get(AUDIT)
    if audit is not None:
        about(request, user_id=user_id, target=target)
        audit.refused(_entry(request, action, result))


def _entry(
    request: aiohttp_web.Request, action: str, result: str, caller: Caller | None = None
) -> RecordAudit:
    note = request.get(_NOTE) or _Note()
    if caller is None:
        try:
            caller = caller_of(request)
        except VareonError:
            caller = None
    user_id = caller.user_id if caller is not None else note.user_id
    return RecordAudit(
        kind=_came_as(caller, user_id),
        action=action,
        result=result,
        user_id=user_id,
        target=note.target or _named_in_path(request, action),
        detail=note.detail,
        ip=address_of(request),
        request_id=request.get(_REQUEST_ID),
    )


def _came_as(caller: Caller | None, user_id: str | None) -> str:
    if caller is not None and caller.grant.key_id is not None:
        return "key"
    return "anonymous" if user_id is None else "user"


def _named_in_path(request: aiohttp_web.Request, action: str) -> str | None:
    found = request.match_info.get("id")
    return f"{action.partition('.')[0]}/{found}" if found else None


def _code(error: Exception) -> str:
    if isinstance(error, VareonError):
        return error.code
    return f"http_{error.status}" if isinstance(error, aiohttp_web.HTTPException) else "internal"
