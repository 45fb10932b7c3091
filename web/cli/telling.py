"""What a command tells: as lines for people, or with ``--json`` for programs."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import click


@dataclass(frozen=True, slots=True)
class Told:
    """The outcome of a command.

    Attributes:
        value: For programs; a list becomes one JSON value a line.
        lines: For people.
        failed: Whether the exit code is 1 all the same.
    """

    value: Any
    lines: Iterable[str] = ()
    failed: bool = False


def tells(command: Callable[..., Told]) -> Callable[..., None]:
    """Give a command ``--json``, and print what it returns."""

    @functools.wraps(command)
    def telling(*arguments: Any, as_json: bool, **options: Any) -> None:
        told = command(*arguments, **options)
        if as_json:
            values = told.value if isinstance(told.value, list) else [told.value]
            lines: Iterable[str] = (json.dumps(one, ensure_ascii=False) for one in values)
        else:
            lines = told.lines
        for line in lines:
            click.echo(line)
        if told.failed:
            click.get_current_context().exit(1)

    return click.option("--json", "as_json", is_flag=True, help="Tell it as JSON.")(telling)
