"""Rules of the checker that need no total order of an entity: one module for each promise."""

from collections.abc import Callable, Iterable

from vareon_runtime.testing.operation import Evidence, Violation
from vareon_runtime.testing.rules import errands, facts, frames, mines, ticks

RULES: tuple[Callable[[Evidence], Iterable[Violation]], ...] = (
    ticks.broken,
    facts.broken,
    errands.broken,
    frames.broken,
    mines.broken,
)
"""Each goes through a history and yields what it finds broken."""
