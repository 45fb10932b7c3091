"""Waits that can never end.

A turn never waits for another entity, so a call back into an entity whose effect is under way
finds a free mailbox and is answered. What remains are two ways to wait for ever: to wait for a
message that oneself has to answer first, and to ask in rounds without an end. Each ask of an
effect therefore carries who waits for it.
"""

from __future__ import annotations

from vareon_runtime.envelope import Request, Wait
from vareon_runtime.errors import CircularWait
from vareon_runtime.identity import EntityId, MessageId

DEPTH_LIMIT = 64
"""Entities that may wait for one another in a row."""
_SHOWN = 6


def extended(
    waits: tuple[Wait, ...], entity: EntityId, message_id: MessageId, *, answers: bool
) -> tuple[Wait, ...]:
    """Who waits for an effect: those who waited for the message, if the effect answers it."""
    return (*(waits if answers else ()), Wait(entity, message_id))


def refuse_own(target: EntityId, request: Request) -> None:
    """Refuse to wait for a message that is only answered after the one that asks.

    Raises:
        CircularWait: With the circle by name.
    """
    for at, wait in enumerate(request.waits):
        if wait.entity == target and wait.message_id == request.message_id:
            names = [*(str(w.entity) for w in request.waits[at:]), str(target)]
            raise CircularWait(f"These wait for each other: {_shown(names)}.")


def refuse_endless(target: EntityId, request: Request) -> None:
    """Refuse a chain that is longer than any reasonable one.

    Raises:
        CircularWait: With the end of the chain by name.
    """
    if len(request.waits) >= DEPTH_LIMIT:
        names = [*(str(w.entity) for w in request.waits), str(target)]
        raise CircularWait(
            f"{DEPTH_LIMIT} entities wait for each other in a row, which looks endless: "
            f"{_shown(names)}."
        )


def _shown(names: list[str]) -> str:
    return " → ".join(names if len(names) <= _SHOWN + 1 else ["…", *names[-_SHOWN:]])
