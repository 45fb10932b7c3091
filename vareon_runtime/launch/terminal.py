"""What the person who started it reads. Only what is true already is ever printed."""

from __future__ import annotations

import contextlib
import shlex
import sys
import time
from typing import Any, TextIO

from vareon_runtime.config import Settings
from vareon_runtime.launch.typed_command import typed_command

_LABEL_WIDTH = 15
_LONGEST_SHOWN = 2000


class Terminal:
    """Prints progress, and then where to go.

    Args:
        out: Where to write; standard output by default.
        began: Monotonic time at which the command was given.
    """

    def __init__(self, began: float, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._began = began

    def line(self, text: str = "") -> None:
        """One line, at once; a reader that has gone away is no reason to stop."""
        with contextlib.suppress(OSError, ValueError):
            self._out.write(text + "\n")
            self._out.flush()

    def step(self, text: str) -> None:
        """Something has been reached."""
        self.line(f"  {time.monotonic() - self._began:5.1f} s  {text}")

    def wrong(self, mistake: str) -> None:
        """The one line about a start that cannot succeed."""
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(f"vareon: {mistake}\n")
            sys.stderr.flush()

    def field(self, label: str, text: str) -> None:
        """One thing worth knowing."""
        self.line(f"  {label:<{_LABEL_WIDTH}} {text}")

    def ready(self, url: str, dashboard_url: str, settings: Settings) -> None:
        """The addresses, once they all answer."""
        self.line()
        self.field("Open", f"{url}/")
        self.field("Ray dashboard", dashboard_url)
        token_file = shlex.quote(str(settings.ray_token_file))
        self.field("", f"it asks for a token, which this shows: cat {token_file}")

    def first_password(self, password: str) -> None:
        """The administrator's password, this one time."""
        self.field("Sign in", f"admin   password: {password}   (shown only this once)")

    def admin_exists(self) -> None:
        """No password of ours is in force."""
        self.field("Sign in", "admin   with the password it has had; it was not changed")

    def models(self, found: list[dict[str, Any]]) -> None:
        """Which models answer, and what is in the way of others."""
        shown = ", ".join(_model_source(source) for source in found) or "none found"
        if not any(source.get("models") for source in found):
            shown += "; the built-in guide answers until one is added"
        self.field("Models", shown)

    def letter(self, told: dict[str, Any]) -> None:
        """A letter that no mail server takes; it is shown here and never logged."""
        recipient, subject, link = (
            "".join(one for one in str(told.get(name, ""))[:_LONGEST_SHOWN] if one.isprintable())
            for name in ("recipient", "subject", "link")
        )
        self.field("Mail", f"to {recipient}: {subject}")
        if link:
            self.field("", link)

    def next_command(self, arguments: str) -> None:
        """What to try now."""
        vareon = typed_command()
        self.field("Try", f'{vareon} chat{arguments} "hello"')
        self.field("Stop", f"Ctrl-C, or {vareon} down{arguments}")


def _model_source(source: dict[str, Any]) -> str:
    count, note = source.get("models"), source.get("note")
    text = str(source.get("name", "?"))
    if isinstance(count, int):
        text += f" ({count} model{'' if count == 1 else 's'})"
    return f"{text}: {note}" if note else text
