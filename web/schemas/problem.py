"""What a refusal says, as RFC 9457 has it."""

from __future__ import annotations

import msgspec


class Mistake(msgspec.Struct, frozen=True):
    """One thing that is wrong with a request.

    Attributes:
        loc: Where it is: ``body``, ``query``, ``path`` or ``header``, then the way to it.
        message: What is wrong there.
    """

    loc: list[str | int]
    message: str


class Problem(msgspec.Struct, frozen=True):
    """Why a request was refused.

    Attributes:
        type: ``urn:vareon:error:`` and a code that stays the same.
        title: The status in words.
        detail: One sentence that says what to do.
        request_id: What to look for in the log.
        errors: Of a request that does not fit, each mistake.
    """

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[Mistake] = []
