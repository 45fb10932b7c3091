"""The parts of the workload, of which each seed has some."""

from vareon_runtime.testing.parts.alarm import AlarmPart
from vareon_runtime.testing.parts.errand import ErrandPart
from vareon_runtime.testing.parts.mine import MinePart
from vareon_runtime.testing.parts.paper import PaperPart
from vareon_runtime.testing.parts.part import Part
from vareon_runtime.testing.parts.tale import TalePart

__all__ = ["PARTS", "Part", "taking_part"]

PARTS: tuple[type[Part], ...] = (AlarmPart, PaperPart, ErrandPart, TalePart, MinePart)
EACH = 2
"""So many take part in a seed."""


def taking_part(seed: int) -> list[type[Part]]:
    """The parts of a seed: over as many seeds as there are parts each has the same number."""
    return [PARTS[(seed + offset) % len(PARTS)] for offset in range(EACH)]
