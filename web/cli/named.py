"""Finding what a person calls by a name among what the API knows by ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click


def named(found: Sequence[dict[str, Any]], wanted: str, by: str, listed: str) -> dict[str, Any]:
    """The one with this id or name.

    Args:
        found: What the API knows.
        wanted: The id or the name.
        by: The field that holds names.
        listed: The command that lists them.

    Raises:
        click.ClickException: If there is none, or several.
    """
    for one in found:
        if one["id"] == wanted:
            return one
    called = [one for one in found if one[by] == wanted]
    if not called:
        raise click.ClickException(f"there is no '{wanted}': {listed} shows what there is")
    if len(called) > 1:
        ids = ", ".join(one["id"] for one in called)
        raise click.ClickException(f"several are called '{wanted}': give one of the ids {ids}")
    return called[0]
