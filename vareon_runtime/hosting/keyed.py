"""Requests under an outside caller's key: the inbox keeps their outcome, and one runs at a time.

What has been handled is known from the inbox, whichever front door asks and whoever was restarted
meanwhile. What still waits in the mailbox or runs is known to the activation alone, and that is
enough: if it is lost, nothing was committed and the repeat is the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vareon_runtime.envelope import KEYED, RESENT, Request
from vareon_runtime.errors import StillRunning

if TYPE_CHECKING:
    from vareon_runtime.hosting.activation import Activation


def under_key(flags: int) -> bool:
    """Whether this is a caller's own request rather than the bus that sends one again."""
    return bool(flags & KEYED) and not flags & RESENT


def admit(activation: Activation, request: Request, flags: int) -> Request:
    """Take note of a keyed request that goes into the mailbox.

    Raises:
        StillRunning: If one with its id is there already.
    """
    if not flags & KEYED:
        return request
    running = activation.keyed
    if running is None:
        running = activation.keyed = set()
    if request.message_id in running and under_key(flags):
        raise StillRunning("The first request with this key is still running; ask again.", 1.0)
    running.add(request.message_id)
    return request


def turned_away(activation: Activation, request: Request) -> None:
    """It did not get into the mailbox after all."""
    if activation.keyed is not None:
        activation.keyed.discard(request.message_id)
