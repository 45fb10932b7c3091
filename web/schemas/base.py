"""What all bodies have in common."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict

_DATE = re.compile(r"\d{4}-\d\d-\d\d[Tt ]")


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


def _with_date(value: Any) -> Any:
    # A bare number would be taken for seconds since 1970.
    if isinstance(value, str) and not _DATE.match(value):
        raise ValueError("A time such as 2026-01-31T12:00:00Z is expected")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_with_date)]
"""A moment among parameters, as RFC 3339 has it."""
