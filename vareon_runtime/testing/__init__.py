"""The test kit, shipped so that users test their own entities with it."""

from vareon_runtime.testing.cluster import InProcessCluster
from vareon_runtime.testing.wires import MemoryWire

__all__ = ["InProcessCluster", "MemoryWire"]
