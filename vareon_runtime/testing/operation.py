"""What a history tells of one id, and what a rule may look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from vareon_runtime.testing.history import Record

FOREVER = 1 << 62


class Violation(NamedTuple):
    """One promise that was broken."""

    rule: str
    entity: str
    op: str
    what: str

    def __str__(self) -> str:
        return f"{self.rule} {self.entity} {self.op[:32]}: {self.what}"


@dataclass(slots=True)
class Operation:
    """All attempts under one id."""

    op: str
    client: str
    entity: str
    kind: str
    value: Any
    began_ns: int
    ended_ns: int = FOREVER
    """When it was first acknowledged."""
    replies: list[Any] = field(default_factory=list)
    open: int = 0
    unknown: int = 0
    refused: int = 0
    refusal: str = ""
    """Why it was refused, the last time."""

    @property
    def acknowledged(self) -> bool:
        """Whether any attempt was answered ``ok``."""
        return bool(self.replies)

    @property
    def unsettled(self) -> bool:
        """Whether it is not known if it happened."""
        return bool(self.unknown and not self.replies)

    @property
    def surely_not(self) -> bool:
        """Whether nothing can have happened."""
        return not self.replies and not self.unknown and not self.open


class Evidence(NamedTuple):
    """A whole history, sorted.

    Attributes:
        operations: By their id.
        finals: What was read when everything had come to rest.
        notes: Other records by their phase, in order.
    """

    operations: Mapping[str, Operation]
    finals: Sequence[Record]
    notes: Mapping[str, Sequence[Record]]

    def of_kind(self, kind: str) -> list[Operation]:
        """The operations of a kind, in the order of their first attempt."""
        return [known for known in self.operations.values() if known.kind == kind]

    def finals_of(self, kind: str) -> Iterator[tuple[str, Any]]:
        """Entity and value of every final of a kind."""
        return ((final.entity, final.value) for final in self.finals if final.kind == kind)
