"""The OpenAPI 3.1 document of a set of routes."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import orjson
from pydantic import BaseModel

from web.openapi import refusals
from web.openapi.headers import HEADERS, PARAMETERS
from web.openapi.operation import operation
from web.openapi.shapes import Schema, Shapes
from web.routes import Route
from web.schemas.problem import Problem

_ABOUT = """One fabric of durable entities: conversations, models, and what you build yourself.

Every address is served with and without a slash at its end. What is refused is answered with
`application/problem+json`. Times are RFC 3339 in UTC."""
_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token of `POST /api/token`.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "vareon_session",
        "description": "The cookie that `POST /api/token` sets.",
    },
}


def document(routes: Sequence[Route]) -> Schema:
    """What these routes may be asked, as OpenAPI 3.1 has it.

    Raises:
        ConfigurationError: If two different types have one name.
    """
    shown = [route for route in routes if route.shown]
    with_tag = {route.path for route in shown if route.tagged}
    shapes = Shapes(_given(shown), _answers(shown))
    bodies = {route.body for route in shown}
    parameters = {shape.__name__ for shape in _given(shown) if shape not in bodies}
    paths: dict[str, Schema] = {}
    for route in sorted(shown, key=lambda route: route.path):
        guarded = route.path in with_tag and route.method in ("PUT", "PATCH", "DELETE")
        at = paths.setdefault(route.path, {})
        at[route.method.lower()] = operation(route, shapes, guarded=guarded)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Vareon",
            "version": _version(),
            "description": _ABOUT,
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": {
                name: schema
                for name, schema in sorted(shapes.components.items())
                if name not in parameters
            },
            "responses": refusals.components(),
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "securitySchemes": _SCHEMES,
        },
    }


def as_json(told: Schema) -> bytes:
    """The document as it is served."""
    return orjson.dumps(told)


def _given(routes: Sequence[Route]) -> set[type[BaseModel]]:
    return {shape for route in routes for shape in (route.body, route.query, route.place) if shape}


def _answers(routes: Sequence[Route]) -> list[Any]:
    told = [kind for route in routes for kind in (route.answer, route.events) if kind is not None]
    return [Problem, *told]


def _version() -> str:
    try:
        return version("vareon-runtime")
    except PackageNotFoundError:
        return "0"
