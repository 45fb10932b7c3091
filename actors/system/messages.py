"""The language of whoever looks after the system."""

from __future__ import annotations

from vareon_runtime.entity import Request


class RedriveDeadLetter(Request[str], frozen=True):
    """Send a message that was set aside again; returns the entity it goes to."""


class DiscardDeadLetter(Request[bool], frozen=True):
    """Give it up for good."""
