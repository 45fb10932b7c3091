"""What all bodies have in common."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


class StrictIn(BaseModel):
    """A body whose unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class LenientIn(BaseModel):
    """A body whose unknown fields are ignored, for clients that send back what they got."""

    model_config = ConfigDict(extra="ignore", frozen=True, protected_namespaces=())


def _blank_is_none(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


NoneIfBlank = BeforeValidator(_blank_is_none)
"""Forms send ``""`` for a field left empty."""

OptionalCount = Annotated[int | None, NoneIfBlank]
OptionalAmount = Annotated[float | None, NoneIfBlank]


def _digits(value: Any) -> Any:
    # Parameters are text, and a number has one spelling.
    if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) <= 9):
        raise ValueError("A whole number is expected")
    return value


Number = Annotated[int, BeforeValidator(_digits)]
"""A whole number among parameters."""
