"""Which turn a delivery is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vareon_runtime.hosting import result_turn, sent_turn, subscription_turn, tick_turn, turn
from vareon_runtime.hosting.delivery import Arrived, Asked, Delivery, Resulted, Ticked

if TYPE_CHECKING:
    from vareon_runtime.hosting.activation import Activation


async def run(activation: Activation, delivery: Delivery) -> None:
    """Handle one delivery; the activation's state is as before if it fails."""
    if isinstance(delivery, Asked):
        await turn.asked(activation, delivery)
    elif isinstance(delivery, Arrived):
        await sent_turn.arrived(activation, delivery)
    elif isinstance(delivery, Resulted):
        await result_turn.resulted(activation, delivery)
    elif isinstance(delivery, Ticked):
        await tick_turn.ticked(activation, delivery)
    else:
        await subscription_turn.subscribed(activation, delivery)
