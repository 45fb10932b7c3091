"""A letter made from its template: a subject, plain text, and the same as a page."""

from __future__ import annotations

import html
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template

from vareon_runtime.errors import InvalidMessage

FOLDER = Path(__file__).parent / "letters"
TEMPLATES = (
    "verify",
    "verify_change",
    "email_changing",
    "email_changed",
    "reset",
    "password_changed",
    "account_closed",
    "invitation",
)
"""Each is a file ``<name>.txt``: its subject, an empty line, and its paragraphs. The one that holds
nothing but ``$link`` becomes a button of the page in ``layout.html``."""
_SUBJECT = "Subject: "


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent.

    Attributes:
        subject: One line.
        text: Plain.
        page: The same in HTML; everything that came from somebody is escaped in it.
    """

    subject: str
    text: str
    page: str


def letter(template: str, *, username: str, link: str, site: str) -> Letter:
    """Fill a template.

    Args:
        template: Its name.
        username: How it speaks to its reader.
        link: The whole address that it asks to be opened.
        site: The public address of this installation.
    """
    words = {"username": username, "link": link, "site": site}
    head, _, body = _read(f"{checked_template(template)}.txt").partition("\n\n")
    subject = Template(head.removeprefix(_SUBJECT)).substitute(words).strip()
    paragraphs = [" ".join(one.split()) for one in body.strip().split("\n\n")]
    text = Template(body.strip()).substitute(words) + "\n"
    escaped = {name: html.escape(word) for name, word in words.items()}
    inner = "\n".join(_as_page(one, escaped) for one in paragraphs)
    page = Template(_read("layout.html")).substitute(
        escaped, subject=html.escape(subject), paragraphs=inner
    )
    return Letter(subject, text, page)


def subject_of(template: str) -> str:
    """The subject that letters of a template have."""
    return _read(f"{checked_template(template)}.txt").partition("\n")[0].removeprefix(_SUBJECT)


def checked_template(template: str) -> str:
    """A template that exists.

    Raises:
        InvalidMessage: If it does not.
    """
    if template not in TEMPLATES:
        raise InvalidMessage(f"There is no letter '{template[:40]}'; write one and name it.")
    return template


def _as_page(paragraph: str, escaped: dict[str, str]) -> str:
    if paragraph == "$link":
        link = escaped["link"]
        return f'<p><a class="button" href="{link}">Continue</a></p><p class="small">{link}</p>'
    return f"<p>{Template(html.escape(paragraph)).substitute(escaped)}</p>"


@cache
def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
