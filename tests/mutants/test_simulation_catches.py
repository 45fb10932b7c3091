"""The simulation finds every planted bug, and finds nothing where none is planted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants.simulation import all_patches, simulate

PLANTED = {
    "fact_handled_twice",
    "fact_left_out_of_commit",
    "finished_step_run_again",
    "frame_skipped_on_resume",
    "frames_again_on_resume",
    "kills_not_counted",
    "reminder_left_out_of_commit",
    "signal_taken_twice",
    "tick_send_left_out_of_commit",
    "acknowledge_before_commit",
    "no_deduplication",
    "no_epoch_check",
    "query_of_uncommitted_state",
    "reordered_batch",
    "retry_at_most_once",
    "swallowed_commit_error",
}


def test_every_bug_that_must_be_caught_is_planted() -> None:
    assert {patch.stem for patch in all_patches()} >= PLANTED


@pytest.mark.parametrize("patch", all_patches(), ids=lambda patch: patch.stem)
def test_the_simulation_catches(patch: Path) -> None:
    caught, told = simulate(patch)
    assert caught, told


def test_the_simulation_finds_nothing_in_a_copy_without_a_bug() -> None:
    caught, told = simulate(None)
    assert not caught, told
