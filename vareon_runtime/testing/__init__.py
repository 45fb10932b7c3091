"""The test kit, shipped so that users test their own entities with it."""

from vareon_runtime.testing.checker import Judgement, judge
from vareon_runtime.testing.cluster import InProcessCluster
from vareon_runtime.testing.faults import break_by_plan, plan
from vareon_runtime.testing.history import Record
from vareon_runtime.testing.operation import Violation
from vareon_runtime.testing.simulation import Simulation
from vareon_runtime.testing.wires import MemoryWire

__all__ = [
    "InProcessCluster",
    "Judgement",
    "MemoryWire",
    "Record",
    "Simulation",
    "Violation",
    "break_by_plan",
    "judge",
    "plan",
]
