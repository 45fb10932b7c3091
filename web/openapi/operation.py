"""One route as one operation of the document."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel

from web.openapi.docstrings import said_by
from web.openapi.headers import headers, of_every_answer, of_good_answers, parameters
from web.openapi.refusals import refusals
from web.openapi.shapes import Schema, Shapes
from web.routes import PUBLIC, Route

_PARAMETER = re.compile(r"\{(\w+)")
_DONE = {200: "Done.", 201: "Made.", 202: "Accepted; it will be done.", 204: "Done."}
_ANYBODY: list[Schema] = [{}]
_SIGNED_IN: list[Schema] = [{"bearer": []}, {"session": []}]


def operation(route: Route, shapes: Shapes, *, guarded: bool) -> Schema:
    """What may be asked and what is answered.

    Args:
        route: What declares it.
        shapes: Knows the schemas of everything declared.
        guarded: Whether it changes an object that has an ETag.
    """
    said = said_by(route.handler)
    found: Schema = {
        "operationId": _name(route),
        "tags": [_place(route)],
        "summary": said.summary,
        "description": _description(route, said.description),
        "security": _ANYBODY if route.permission == PUBLIC else _SIGNED_IN,
        "parameters": [
            *_of_path(route, shapes),
            *_of_query(route.query, shapes),
            *parameters(route, guarded=guarded),
        ],
        "responses": {**_good(route, shapes), **refusals(route, guarded=guarded)},
    }
    body = _body(route, shapes)
    if body is not None:
        found["requestBody"] = body
    if not found["parameters"]:
        del found["parameters"]
    return found


def _name(route: Route) -> str:
    """Method and path as one word: what generated clients call it."""
    words = _PARAMETER.sub(r"by_\1", route.path.removeprefix("/api/"))
    return "_".join([route.method.lower(), *re.findall(r"\w+", words)])


def _place(route: Route) -> str:
    """Under which heading it stands: the first part of its path that says something."""
    first, _, rest = route.path.strip("/").partition("/")
    return rest.partition("/")[0] if first in ("api", "ws", "v1") else "system"


def _description(route: Route, said: str) -> str:
    parts = [said] if said else []
    if route.permission != PUBLIC:
        parts.append(f"Needs the permission `{route.permission}`.")
    if route.long_lived:
        parts.append("A WebSocket: it is reached by a handshake.")
    return "\n\n".join(parts)


def _of_path(route: Route, shapes: Shapes) -> list[Schema]:
    known = shapes.fields(route.place)[0] if route.place is not None else {}
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": known.get(name, {"type": "string", "minLength": 1}),
        }
        for name in _PARAMETER.findall(route.path)
    ]


def _of_query(query: type[BaseModel] | None, shapes: Shapes) -> list[Schema]:
    if query is None:
        return []
    fields, required = shapes.fields(query)
    found = []
    for name, schema in fields.items():
        parameter: Schema = {"name": name, "in": "query", "schema": _without_null(schema)}
        if name in required:
            parameter["required"] = True
        found.append(parameter)
    return found


def _without_null(schema: Schema) -> Schema:
    """What can be said in an address: something, or nothing at all."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) != 1:
        return schema
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    return {**kinds[0], **rest}


def _body(route: Route, shapes: Shapes) -> Schema | None:
    if route.body is None:
        # A route that takes bodies unread says so by answering anything.
        anything = route.changing and route.answer is Any
        return {"content": {"application/json": {"schema": {}}}} if anything else None
    schema = shapes.given(route.body)
    kinds = ["application/json"]
    if route.form:
        kinds = ["application/x-www-form-urlencoded", "multipart/form-data"]
    required = any(field.is_required() for field in route.body.model_fields.values())
    return {"required": required, "content": {kind: {"schema": schema} for kind in kinds}}


def _good(route: Route, shapes: Shapes) -> dict[str, Schema]:
    if route.long_lived:
        return {"101": {"description": "The socket is open."}}
    content: dict[str, Schema] = {}
    if route.answer is not None:
        content["application/json"] = {"schema": shapes.answer(route.answer)}
    if route.events is not None:
        told = {"type": "string", "description": "Events whose `data` is one of these as JSON."}
        content["text/event-stream"] = {"schema": {**told, "x-event": shapes.answer(route.events)}}
    names = [*of_every_answer(route), *of_good_answers(route)]
    good: Schema = {"description": _DONE[route.status], "headers": headers(*names)}
    if content:
        good["content"] = content
    found = {str(route.status): good}
    if route.tagged:
        unchanged = headers(*of_every_answer(route), "ETag")
        found["304"] = {"description": "It has not changed.", "headers": unchanged}
    return found
