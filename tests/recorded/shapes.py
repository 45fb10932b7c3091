"""Every stored type, an example of it with something in every field, and a print of its shape."""

from __future__ import annotations

import hashlib
import importlib
import json
import pkgutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import inspect

import actors
import vareon_runtime
from tests.recorded import ledger
from vareon_runtime.hosting.effect_call import StoredCall
from vareon_runtime.hosting.reminder_plan import Plan
from vareon_runtime.message import Message, State

_OWN = ("actors.", "vareon_runtime.", "tests.recorded.")
_BASES = ("Request", "Event")
_NOT_STORED = ("vareon_runtime.cluster", "vareon_runtime.migrations", "vareon_runtime.testing")
"""What needs Ray, runs when it is imported, or lives for one test."""
_ROWS: tuple[type[msgspec.Struct], ...] = (Plan, StoredCall)
"""What the engine's own rows hold. They have no version: fields are only added, with defaults."""
_PLAIN: dict[type[inspect.Type], Any] = {
    inspect.StrType: "text",
    inspect.IntType: 7,
    inspect.FloatType: 1.5,
    inspect.BoolType: True,
    inspect.BytesType: b"0123456789abcdef",
    inspect.NoneType: None,
    inspect.DateTimeType: datetime(2026, 11, 24, 12, 30, 15, 250_000, tzinfo=UTC),
    inspect.AnyType: "anything",
}


def stored_types() -> dict[str, type[msgspec.Struct]]:
    """States, messages and the engine's own, by name."""
    assert ledger.Ledger.handlers.kind == "ledger"
    for package in (actors, vareon_runtime):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.startswith(_NOT_STORED):
                importlib.import_module(module.name)
    found = {
        klass.__name__: klass
        for base in (State, Message)
        for klass in _below(base)
        if klass.__module__.startswith(_OWN)
        and not klass.__module__.startswith(_NOT_STORED)
        and klass.__name__ not in _BASES
    }
    return dict(sorted((found | {row.__name__: row for row in _ROWS}).items()))


def version_of(klass: type[msgspec.Struct]) -> int:
    """Its schema version; 0 for a type that has none."""
    return int(getattr(klass, "schema_version", 0))


def example(klass: type[msgspec.Struct]) -> Any:
    """One with something in every field: the same at every call."""
    info = inspect.type_info(klass)
    assert isinstance(info, inspect.StructType)
    return klass(**{field.name: _value(field.type) for field in info.fields})


def fingerprint(klass: type[msgspec.Struct]) -> str:
    """The same for the same fields, types and defaults, those of structs within it included."""
    shape = msgspec.json.schema(klass)
    return hashlib.sha256(json.dumps(_bare(shape), sort_keys=True).encode()).hexdigest()[:16]


def _below(klass: type[Any]) -> Iterator[type[Any]]:
    for child in klass.__subclasses__():
        yield child
        yield from _below(child)


def _value(kind: Any) -> Any:
    if type(kind) in _PLAIN:
        return _PLAIN[type(kind)]
    if type(kind) not in _MADE:
        raise TypeError(f"say what an example of {kind} is")
    return _MADE[type(kind)](kind)


_MADE: dict[type[inspect.Type], Callable[[Any], Any]] = {
    inspect.Metadata: lambda kind: _value(kind.type),
    inspect.UnionType: lambda kind: _value(
        next(one for one in kind.types if not isinstance(one, inspect.NoneType))
    ),
    inspect.StructType: lambda kind: example(kind.cls),
    inspect.NamedTupleType: lambda kind: kind.cls(*(_value(field.type) for field in kind.fields)),
    inspect.ListType: lambda kind: [_value(kind.item_type)],
    inspect.VarTupleType: lambda kind: (_value(kind.item_type),),
    inspect.TupleType: lambda kind: tuple(_value(item) for item in kind.item_types),
    inspect.DictType: lambda kind: {_value(kind.key_type): _value(kind.value_type)},
    inspect.EnumType: lambda kind: list(kind.cls)[-1],
    inspect.LiteralType: lambda kind: kind.values[0],
}


def _bare(shape: Any) -> Any:
    """A schema without what is written for people."""
    if isinstance(shape, dict):
        return {
            key: _bare(value)
            for key, value in shape.items()
            if not (key in ("description", "title") and isinstance(value, str))
        }
    return [_bare(item) for item in shape] if isinstance(shape, list) else shape
