"""How long an id from outside is good for: a message's, or the key of a request."""

from __future__ import annotations

from vareon_runtime.errors import Expired
from vareon_runtime.identity import MessageId, id_time_s

LIFE_S = 24 * 3600.0
"""Replies are kept longer than this, so a repeat is answered or refused, never done again."""
AHEAD_S = 900.0
"""How far the clock of whoever made an id may be ahead of ours."""


def in_time(message_id: MessageId, now_s: float, what: str = "id") -> float:
    """When an id was made, in epoch seconds; 0 for one that does not say.

    Args:
        message_id: The id.
        now_s: The time, in epoch seconds.
        what: What its maker calls it.

    Raises:
        Expired: If that is more than a day ago, or more than a quarter of an hour ahead.
    """
    made_s = id_time_s(message_id)
    if not made_s:
        return made_s
    if now_s - made_s > LIFE_S:
        raise Expired(f"This {what} was made more than 24 hours ago; choose a new one.")
    if made_s - now_s > AHEAD_S:
        raise Expired(f"This {what} was made in the future; set the clock and choose a new one.")
    return made_s
