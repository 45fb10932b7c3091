"""A thousand clusters, each with its own faults."""

from __future__ import annotations

import pytest

from vareon_runtime.testing.simulate import run_all

SEEDS = 1_000


@pytest.mark.timeout(240)
def test_no_seed_breaks_a_promise() -> None:
    outcomes = list(run_all(0, SEEDS))
    assert len({outcome.seed for outcome in outcomes}) == SEEDS
    broken = [
        f"seed {outcome.seed}: {outcome.problems[0]}\n"
        f"  replay: python -m vareon_runtime.testing.simulate --replay {outcome.seed}"
        for outcome in outcomes
        if outcome.problems
    ]
    assert not broken, "\n".join(broken)
