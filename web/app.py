"""Wires routes and the middleware into one aiohttp application."""

from __future__ import annotations

import re
from collections.abc import Iterable

from aiohttp import web as aiohttp_web

from vareon_runtime.errors import ConfigurationError
from web.admission import Admission
from web.auditing import watched
from web.body_bytes import LARGEST_BODY
from web.client_files import ClientFiles
from web.conditions import conditional, single_objects
from web.cross_origin import CROSS_ORIGIN, CrossOrigin
from web.lasting import Lasting
from web.middleware import FrontGate, Opening
from web.outcomes import KeyedRequests
from web.quotas import Quotas
from web.request_meter import RequestMeter
from web.routes import PUBLIC, Handler, Route
from web.services.authentication import Authenticator
from web.services.policy import PERMISSIONS

_PARAMETER = re.compile(r"\{[a-z_]+\}")


def build_app(
    routes: Iterable[Route],
    authenticator: Authenticator,
    opening: Opening,
    keyed: KeyedRequests,
    admission: Admission,
    lasting: Lasting,
    quotas: Quotas,
    cross_origin: CrossOrigin,
    client: ClientFiles | None = None,
    requests: RequestMeter | None = None,
) -> aiohttp_web.Application:
    """The application; every route is served with and without a slash at its end.

    Raises:
        ConfigurationError: If a route declares no permission that we know.
    """
    access: dict[aiohttp_web.AbstractRoute, Route] = {}
    gate = FrontGate(
        access,
        authenticator,
        opening,
        keyed,
        admission,
        lasting,
        quotas,
        cross_origin,
        client,
        requests,
    )
    app = aiohttp_web.Application(
        middlewares=[gate.handle],
        client_max_size=LARGEST_BODY,
    )
    app[CROSS_ORIGIN] = cross_origin
    routes = list(routes)
    singles = single_objects(routes)
    for route in routes:
        if route.permission != PUBLIC and route.permission not in PERMISSIONS:
            raise ConfigurationError(
                f"{route.method} {route.path} declares no known permission; nobody could say "
                "who may use it."
            )
        handler = conditional(watched(route, lasting), singles)
        for path in _both_forms(route.path):
            access[app.router.add_route(route.method, path, handler)] = route
    _keep_apart(app, routes)
    return app


def _keep_apart(app: aiohttp_web.Application, routes: list[Route]) -> None:
    """Have a path that is written out never be taken for one with an id in that place."""
    methods: dict[str, set[str]] = {}
    for route in routes:
        methods.setdefault(route.path, set()).add(route.method)
    patterns = [
        (re.compile(_PARAMETER.sub("[^/]+", path)), known)
        for path, known in methods.items()
        if "{" in path
    ]
    for path, known in methods.items():
        others = [found for pattern, found in patterns if pattern.fullmatch(path)]
        if "{" in path or not others:
            continue
        for method in sorted(set.union(*others) - known):
            for form in _both_forms(path):
                app.router.add_route(method, form, _not_allowed(sorted(known)))


def _not_allowed(allowed: list[str]) -> Handler:
    async def refuse(request: aiohttp_web.Request) -> aiohttp_web.StreamResponse:
        raise aiohttp_web.HTTPMethodNotAllowed(request.method, allowed)

    return refuse


def _both_forms(path: str) -> list[str]:
    return [path] if path == "/" else [path, path + "/"]
