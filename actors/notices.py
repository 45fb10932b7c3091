"""The kinds of notification there are, in one place: whoever has something to tell joins here.

An entity sends `actors.system.messages.Notify` with the name of a kind and the facts that fill its
words in. A module of one's own registers its kinds where it is imported::

    register(NoticeKind("report_ready", "Your report is ready", "{name} has {pages} pages."))
    ...
    context.send(names.notifications(user_id), Notify("report_ready", {"name": ..., "pages": ...}))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from vareon_runtime.errors import ConfigurationError, InvalidMessage

MOST_OF_A_FACT = 200
"""Characters; the rest is left out."""


class Words(NamedTuple):
    """What a notification says."""

    title: str
    text: str
    link: str | None


@dataclass(frozen=True, slots=True)
class NoticeKind:
    """One kind of notification; ``{fact}`` stands for what its sender fills in.

    Attributes:
        name: Up to 40 characters; stored, so it never changes.
        title: One line.
        text: What there is to know; may be empty.
        link: Where to go, from this installation's root; empty for nowhere.
    """

    name: str
    title: str
    text: str = ""
    link: str = ""


_REGISTERED: dict[str, NoticeKind] = {}


def register(kind: NoticeKind) -> str:
    """Make a kind known; the same one again changes nothing. Returns its name.

    Raises:
        ConfigurationError: If its name is taken or unusable.
    """
    if not 0 < len(kind.name) <= 40:
        raise ConfigurationError("The name of a kind of notification has 1 to 40 characters.")
    if _REGISTERED.setdefault(kind.name, kind) != kind:
        raise ConfigurationError(f"There is another kind of notification '{kind.name}'; rename it.")
    return kind.name


def worded(name: str, facts: Mapping[str, str]) -> Words:
    """What a notification of a kind says.

    Raises:
        InvalidMessage: If there is no such kind, or it lacks a fact.
    """
    kind = _REGISTERED.get(name)
    if kind is None:
        raise InvalidMessage(f"'{name[:40]}' is no kind of notification; register it.")
    short = {key: value[:MOST_OF_A_FACT] for key, value in facts.items()}
    try:
        title, text, link = (part.format_map(short) for part in (kind.title, kind.text, kind.link))
    except KeyError as error:
        raise InvalidMessage(f"A notification '{name}' needs the fact {error}.") from None
    return Words(title[:200], text[:1000], link[:500] or None)


PASSWORD_CHANGED = register(
    NoticeKind(
        "password_changed",
        "Your password was changed",
        "Everybody who was signed in had to sign in anew. If it was not you, reset it at once.",
    )
)
EMAIL_CHANGED = register(
    NoticeKind(
        "email_changed",
        "Your e-mail address was changed",
        "It is {email} now. If it was not you, change your password at once.",
    )
)
API_KEY_CREATED = register(
    NoticeKind(
        "api_key_created",
        "There is a new API key",
        "It is called {name}. If you did not make it, delete it and change your password.",
    )
)
SESSION_ENDED = register(
    NoticeKind(
        "session_ended",
        "A session was ended to protect you",
        "Its refresh token was used a second time, so somebody else may have it. "
        "If in doubt, change your password.",
    )
)
ANSWER_READY = register(
    NoticeKind("answer_ready", "An answer is ready", "{title}", "/#{conversation_id}")
)
ANSWER_FAILED = register(
    NoticeKind(
        "answer_failed", "A question could not be answered", "{title}", "/#{conversation_id}"
    )
)
DEAD_LETTERS = register(
    NoticeKind(
        "dead_letters",
        "Messages were set aside: {count}",
        "The first was {message} for {entity} ({code}). `vareon dead-letters` lists them.",
    )
)
