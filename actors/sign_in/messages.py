"""The language of signing in."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from vareon_runtime.entity import Message, Request

SESSION_LIFE_S = 30 * 24 * 3600
"""A session that nobody uses for so long is over."""
MOST_FAILURES = 10
"""So many wrong passwords lock an account or an address."""

RefreshOutcome = Literal["renewed", "reused", "gone"]


class OpenSession(Request[bool], frozen=True):
    """Somebody signed in.

    Attributes:
        session_id: A new id.
        token_version: The account's, at that moment.
        digest: Of the first refresh token.
        address: Where they are.
        client: What program they use, as it says itself.
    """

    session_id: str
    token_version: int
    digest: bytes
    address: str
    client: str


class RefreshSession(Request[RefreshOutcome], frozen=True):
    """A refresh token that is one of ours is traded for the next.

    *reused* means that the token had been traded long ago, so that somebody has a copy: the
    session has ended. *gone* means that there is no such session.

    Attributes:
        token_version: The account's, now.
        presented: Digest of the token.
        following: Digest of the one that takes its place.
    """

    session_id: str
    token_version: int
    presented: bytes
    following: bytes


class TouchSession(Request[bool], frozen=True):
    """A session was used; answered with whether there is one."""

    session_id: str


class EndSession(Request[bool], frozen=True):
    """End one session: *not found* if there is none."""

    session_id: str


class EndSessions(Request[int], frozen=True):
    """End all of them, but perhaps one; answered with how many those were."""

    keep: str | None = None


class SpendTicket(Request[bool], frozen=True):
    """Use a one-use ticket.

    Its message id is derived from the ticket: whoever comes second, with another attempt, hears
    *id reused*.
    """

    attempt: bytes


class ApiKeyView(Message, frozen=True):
    """A personal key, without what makes it one.

    Attributes:
        shown: How it begins.
        last_used_at: To some minutes; None if it never was.
    """

    id: str
    name: str
    shown: str
    permissions: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class CreateApiKey(Request[ApiKeyView], frozen=True):
    """Give the account a key.

    Attributes:
        key_id: A new id.
        shown: How it begins.
        hashed_key: What is stored of it, as hex.
        permissions: What it is good for.
        life_s: In seconds.
    """

    key_id: str
    name: str
    shown: str
    hashed_key: str
    permissions: tuple[str, ...]
    life_s: int


class TouchApiKey(Request[bool], frozen=True):
    """A key was used; answered with whether there is one."""

    key_id: str


class DeleteApiKey(Request[bool], frozen=True):
    """Let a key count no more: *not found* if there is none."""

    key_id: str


class Lock(Message, frozen=True):
    """Whether somebody is let in.

    Attributes:
        failures: How often they failed lately.
        wait_s: In how many seconds they may try again; 0 if they may now.
    """

    failures: int
    wait_s: float


class GetLock(Request[Lock], frozen=True):
    """How an account or an address stands.

    Attributes:
        subject: Which.
        address: Where an account is tried from; empty if the subject is an address.
        known: Whether the account's owner has signed in from there.
    """

    subject: str
    address: str = ""
    known: bool = False


class NoteFailure(Request[Lock], frozen=True):
    """An attempt failed; answered with how it stood before. See `GetLock`."""

    subject: str
    address: str = ""
    known: bool = False


class ForgetFailures(Request[bool], frozen=True):
    """An account's owner has signed in; answered with whether something is forgotten by that."""

    subject: str


class DeleteSessions(Request[bool], frozen=True):
    """The account goes away, and its sessions with it."""


class DeleteApiKeys(Request[bool], frozen=True):
    """The account goes away, and its keys with it."""
