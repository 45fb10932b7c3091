"""Types as JSON schemas of one document, each named type once."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from vareon_runtime.errors import ConfigurationError
from web.openapi.docstrings import said_by

PLACE = "#/components/schemas/{name}"
Schema = dict[str, Any]


class Shapes:
    """The schemas of what requests carry and of what answers carry.

    Args:
        given: What requests must fit.
        answers: What answers carry; lists and unions too.

    Raises:
        ConfigurationError: If two different types have one name.
    """

    def __init__(self, given: set[type[BaseModel]], answers: list[Any]) -> None:
        ordered = sorted(given, key=lambda shape: shape.__qualname__)
        pairs: list[Any] = [(shape, "validation") for shape in ordered]
        found, definitions = models_json_schema(pairs, ref_template=PLACE.replace("name", "model"))
        self._given = {shape: found[shape, "validation"] for shape in ordered}
        unique: list[Any] = []
        for answer in answers:
            if answer not in unique:
                unique.append(answer)
        schemas, structs = msgspec.json.schema_components(unique, ref_template=PLACE)
        self._answers = [*zip(unique, schemas, strict=True)]
        taken: dict[str, Schema] = definitions.get("$defs", {})
        twice = taken.keys() & structs.keys()
        if twice:
            raise ConfigurationError(
                f"{', '.join(sorted(twice))}: a body and an answer have one name; rename one."
            )
        for shape in ordered:
            _describe(taken.get(shape.__name__, {}), shape)
        for struct in _structs(unique):
            _describe(structs.get(struct.__name__, {}), struct)
        self.components = {**taken, **structs}

    def given(self, shape: type[BaseModel]) -> Schema:
        """Of what a request carries: a reference."""
        return dict(self._given[shape])

    def answer(self, kind: Any) -> Schema:
        """Of an answer."""
        return dict(next(schema for known, schema in self._answers if known == kind))

    def fields(self, shape: type[BaseModel]) -> tuple[dict[str, Schema], set[str]]:
        """Of parameters: each field's schema, and which are required."""
        whole = self.components[shape.__name__]
        return whole["properties"], set(whole.get("required", ()))


def _structs(answers: list[Any]) -> list[type[msgspec.Struct]]:
    """Every struct in these types, however deep."""
    found: list[type[msgspec.Struct]] = []
    waiting = list(answers)
    while waiting:
        kind = waiting.pop()
        waiting.extend(get_args(kind))
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind not in found:
            found.append(kind)
            waiting.extend(field.type for field in msgspec.structs.fields(kind))
    return found


def _describe(schema: Schema, kind: type) -> None:
    said = said_by(kind)
    schema["description"] = f"{said.summary}. {said.description}".strip()
    for name, meaning in said.attributes.items():
        if name in schema.get("properties", {}):
            schema["properties"][name].setdefault("description", meaning)
