"""How a conversation gets its title."""

from __future__ import annotations

from vareon_runtime.errors import InvalidMessage

MAX_LENGTH = 200
FIRST_CHARACTERS = 50


def title_of(content: str) -> str:
    """The first 50 characters of what was said first."""
    return content[:FIRST_CHARACTERS]


def checked_title(title: str | None) -> str | None:
    """A title as it may be stored.

    Raises:
        InvalidMessage: If it is too long for its column.
    """
    if title is not None and len(title) > MAX_LENGTH:
        raise InvalidMessage(f"A title has at most {MAX_LENGTH} characters.")
    return title
