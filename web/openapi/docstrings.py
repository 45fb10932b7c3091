"""What docstrings say to readers of the document, who see no code."""

from __future__ import annotations

import inspect
import re
from typing import Any, NamedTuple

_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields|Example|Examples):$", re.MULTILINE)
_ATTRIBUTE = re.compile(r"^    (\w+): ", re.MULTILINE)
_MARKS = re.compile(r"``?")


class Said(NamedTuple):
    """A docstring in parts."""

    summary: str
    description: str
    attributes: dict[str, str]


def said_by(thing: Any) -> Said:
    """The first line, the paragraphs after it, and what each attribute means."""
    text = inspect.cleandoc(thing.__doc__ or "")
    text, attributes = _cut(text)
    summary, _, rest = text.partition("\n\n")
    return Said(_line(summary).rstrip("."), _paragraphs(rest), attributes)


def _cut(text: str) -> tuple[str, dict[str, str]]:
    sections = [*_SECTION.finditer(text)]
    if not sections:
        return text, {}
    attributes: dict[str, str] = {}
    for section, following in zip(sections, [*sections[1:], None], strict=True):
        if section[1] == "Attributes":
            body = text[section.end() : following.start() if following else None]
            parts = _ATTRIBUTE.split(body)[1:]
            attributes = {
                name: _line(meaning) for name, meaning in zip(parts[::2], parts[1::2], strict=True)
            }
    return text[: sections[0].start()], attributes


def _paragraphs(text: str) -> str:
    return "\n\n".join(_line(part) for part in text.split("\n\n") if part.strip())


def _line(text: str) -> str:
    return _MARKS.sub("`", " ".join(text.split()))
