"""Refusals that only a web server has to give."""

from __future__ import annotations

from vareon_runtime.errors import NotAuthenticated, Refused


class Malformed(Refused):
    """The body cannot be read at all."""

    code = "malformed"


class TooLarge(Refused):
    """The body is larger than we read."""

    code = "too_large"


class UnknownEncoding(Refused):
    """The body is compressed; we read plain ones."""

    code = "unknown_encoding"


class TooSlow(Refused):
    """The body did not arrive in time."""

    code = "too_slow"


class WrongMethod(Refused):
    """This address does not take this method."""

    code = "wrong_method"


class Taken(Refused):
    """Somebody has this name or e-mail already."""

    code = "taken"


class BadToken(Refused):
    """A one-use token that is none, was used, or is too old."""

    code = "bad_token"


class NotVerified(Refused):
    """The password is right, but nobody has shown that the e-mail is theirs."""

    code = "not_verified"


class TokenReused(NotAuthenticated):
    """A refresh token came again that was traded long ago: somebody has a copy.

    Attributes:
        user_id: Whose it was.
        session_id: The session that has ended by that.
    """

    code = "token_reused"
    user_id = ""
    session_id = ""


class LockedOut(Refused):
    """Too many attempts with wrong passwords; others are let in meanwhile."""

    code = "locked_out"
    retryable = True


class NoHandshake(Refused):
    """This address speaks WebSocket, and the request does not ask for that."""

    code = "upgrade_required"


class UnknownMediaType(Refused):
    """The body says that it is of a type that is not read here."""

    code = "unknown_media_type"


class Starting(Refused):
    """The system is not ready yet."""

    code = "starting"
    retryable = True
