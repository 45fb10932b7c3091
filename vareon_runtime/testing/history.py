"""What clients and the world outside saw: the only thing that the checker judges by.

One record a line as JSON, so that processes that are killed leave what they wrote. An operation
is an id with one or more attempts; every attempt is an ``invoke`` and what became of it:

``ok``      it was done; ``value`` is the reply
``fail``    it was refused: nothing happened
``info``    its outcome is unknown; sending the same id again settles it

Kinds of operation, with the ``value`` of their ``invoke`` and ``ok``:

========== =========================================== =====================================
append     anything; the operation's id is appended     anything, the same for every ``ok``
read       nothing                                      the list of ids
transfer   ``[from, to, amount]``                       anything, the same for every ``ok``
deliver    how many distinct deliveries it makes        anything, the same for every ``ok``
hand       nothing; delivered at most once              whether it is known to be delivered
volatile   nothing; handled at most once                anything
remind     ``[times, every_ms, may miss some]``         anything, the same for every ``ok``
publish    nothing; publishes its id                    anything, the same for every ``ok``
flow       nothing; begins a flow named by its id       anything, the same for every ``ok``
signal     the flow                                     whether the flow was there to take it
cancel     the flow                                     anything, the same for every ``ok``
tell       nothing; streams named its id and its id+    anything, the same for every ``ok``
listen     the stream                                   nothing; it was read to its end
poison     nothing; ends the host that handles it       never
========== =========================================== =====================================

Records that belong to no attempt:

``delivery``  the ledger outside received a call: ``op`` is the operation that caused it and
              ``value`` is ``{"key": ..., "step": ..., "at_most_once": bool}``
``step``      a step of the flow ``op`` begins: ``value`` has its ``step`` (later ones have higher
              numbers) and ``label``, the flow's ``attempt``, the outcomes it was ``given``, the
              ``token`` that will be its own, and whether it is done at most ``once``
``frame``     ``client`` is shown something of the stream ``op``: ``value`` is ``[kind, generation,
              offset, text]``, where the kind is delta, reset or end
``killed``    handling ``op`` ended a life of a host: ``value`` is ``{"host": ..., "replaced":
              bool}``, replaced if its next life had begun before, beside it
``handled``   a handler ran for ``op``, where that is known
``commit``    rows were written: ``value`` is ``{"epoch": ..., "granted": ...}``, the writer's epoch
              and the highest at which anybody was given the entity
``fault``     something was broken on purpose; ``value`` names it
``error``     the engine met something that it did not foresee; ``value`` says what
``final``     after everything has come to rest: ``kind`` ``log`` with
              ``{"ids": [...], "epochs": [...] or absent}``, ``account`` with
              ``{"opened_with": n, "balance": n, "moves": [[op, amount], ...] or absent}``,
              ``ticks`` with ``{"ticks": [[op, due_ms, missed], ...], "heard": [...]}``, where
              heard is what those ticks sent; ``published`` with ``[op, ...]``; ``heard`` with
              ``{"facts": [[publisher, op], ...], "late": bool}``; ``errand``, of an entity with
              one flow, with ``{"ends": [[how, tokens, signals], ...], "booked": n}``; ``told``
              with ``{stream: [generation, text], ...}``
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a history.

    Attributes:
        phase: See the module.
        at_ns: Monotonic nanoseconds, of one clock for the whole history.
        client: Who noted it; one client's operations follow each other.
        op: The operation's id, the message id in hexadecimal.
        entity: Its target, ``kind/key``.
        kind: What kind of operation.
        value: See the module; anything JSON can hold.
    """

    phase: str
    at_ns: int
    client: str = ""
    op: str = ""
    entity: str = ""
    kind: str = ""
    value: Any = None

    def line(self) -> str:
        """As one line of JSON, without its end."""
        return json.dumps(
            [self.phase, self.at_ns, self.client, self.op, self.entity, self.kind, self.value],
            separators=(",", ":"),
        )

    @classmethod
    def parse(cls, line: str) -> Record:
        """Read what `line` wrote.

        Raises:
            ValueError: If it is something else.
        """
        fields = json.loads(line)
        if not isinstance(fields, list) or len(fields) != 7:
            raise ValueError("a line of a history is a list of seven")
        return cls(*fields)


def read_history(path: Path) -> Iterator[Record]:
    """The records of a file; a last line that a kill cut short is left out.

    Raises:
        ValueError: If another line cannot be read.
    """
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):
                yield Record.parse(line)


def merged(*histories: Iterable[Record]) -> list[Record]:
    """Several clients' records as one history, in the order of their clock."""
    return sorted((r for history in histories for r in history), key=lambda r: r.at_ns)
