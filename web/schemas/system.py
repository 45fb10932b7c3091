"""How the system is."""

from __future__ import annotations

from typing import Literal

import msgspec


class AliveOut(msgspec.Struct, frozen=True):
    """This process answers."""

    status: Literal["alive"] = "alive"


class HealthOut(msgspec.Struct, frozen=True):
    """It is open."""

    status: Literal["ok"] = "ok"


class ReadyOut(msgspec.Struct, frozen=True):
    """Everything on the way to the database and back answers.

    Attributes:
        checks: What was checked, with its state.
    """

    checks: dict[str, str]
    status: Literal["ready"] = "ready"


class LinkOut(msgspec.Struct, frozen=True):
    """One process at the router.

    Attributes:
        in_flight: Requests it has not answered yet.
        received: Items that came from it.
        queued_bytes: What waits to be written to it.
    """

    name: str
    role: str
    pid: int
    incarnation: str
    in_flight: int
    received: int
    items_sent: int
    batches_sent: int
    queued_bytes: int


class RouterOut(msgspec.Struct, frozen=True):
    """The router of this node.

    Attributes:
        pending: Requests on their way.
        envelopes: Requests that it passed on.
        requests: The same by kind of entity.
        refused: Requests that it turned away, by code.
        latency: Answers by how many seconds they took at most.
    """

    name: str
    pending: int
    links: list[LinkOut]
    envelopes: int
    requests: dict[str, int]
    refused: dict[str, int]
    latency: dict[str, int]


class FamilyOut(msgspec.Struct, frozen=True):
    """Tables that an operator thinks of together.

    Attributes:
        bytes: 0 where SQLite was built without its page statistics.
    """

    family: str
    rows: int
    bytes: int


class StorageOut(msgspec.Struct, frozen=True):
    """What is stored, as of the last half minute or so.

    Attributes:
        log_bytes: The write-ahead log beside the file.
    """

    file_bytes: int
    log_bytes: int
    families: list[FamilyOut]
