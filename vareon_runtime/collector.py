"""The interpreter's cycle collector, tuned for processes that pass many small objects on."""

from __future__ import annotations

import gc


def relax_collector() -> None:
    """Let the cycle collector run seldom: envelopes make no cycles, and there are many of them.

    What was imported is taken out of its sight for good.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
