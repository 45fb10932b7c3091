"""Rules C10 to C14: histories that keep each, and the smallest that break it."""

from __future__ import annotations

from typing import Any

import pytest

from vareon_runtime.testing.checker import judge
from vareon_runtime.testing.history import Record


class Story:
    """Writes a history line by line."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def add(self, phase: str, op: str = "", value: Any = None, **fields: Any) -> Story:
        self.records.append(Record(phase, len(self.records) + 1, op=op, value=value, **fields))
        return self

    def did(self, kind: str, op: str, value: Any = None, reply: Any = True, **fields: Any) -> Story:
        fields = {"client": "c", "entity": "e/1", "kind": kind, **fields}
        return self.add("invoke", op, value, **fields).add("ok", op, reply, **fields)

    def refused(self, kind: str, op: str, value: Any = None) -> Story:
        fields = {"client": "c", "entity": "e/1", "kind": kind}
        return self.add("invoke", op, value, **fields).add("fail", op, **fields)

    def final(self, kind: str, value: Any, entity: str = "e/1") -> Story:
        return self.add("final", kind=kind, entity=entity, value=value)

    def told(self) -> list[str]:
        return [f"{rule} {what}" for rule, _, _, what in judge(self.records).violations]


def rung(*ticks: list[Any], value: Any = (3, 500, True), heard: Any = None) -> Story:
    story = Story().did("remind", "r", list(value))
    given = [["r", *tick] for tick in ticks]
    return story.final("ticks", {"ticks": given, "heard": given if heard is None else heard})


def published(*facts: str, late: bool = False) -> Story:
    story = Story().did("publish", "a").did("publish", "b").did("publish", "c")
    story.final("published", ["a", "b", "c"], "paper/1")
    heard = [["paper/1", fact] for fact in facts]
    return story.final("heard", {"facts": heard, "late": late}, "reader/1")


def flow(*steps: tuple[int, int], end: Any = None, booked: int = 1, signals: Any = ("s",)) -> Story:
    """Steps by number and attempt; each is given the outcomes of all with lower numbers."""
    story = Story().did("flow", "f")
    for step, attempt in steps:
        value = {"step": step, "label": f"s{step}", "attempt": attempt, "once": step == 3}
        given = [f"t{number}" for number in range(1, step)]
        story.add("step", "f", {**value, "given": given, "token": f"t{step}"})
    for signal in signals:
        story.did("signal", signal, "f")
    end = ["done", ["t1", "t2", "t3"], ["s"]] if end is None else end
    return story.final("errand", {"ends": [end] if end else [], "booked": booked})


WHOLE = ((1, 1), (2, 1), (3, 1))


def cancelled(*, undone: bool = True, end: str = "cancelled") -> Story:
    story = Story().did("flow", "f").did("cancel", "c", "f")
    if undone:
        value = {"step": 9, "label": "undo", "attempt": 1, "once": False, "given": [], "token": "u"}
        story.add("step", "f", value)
    return story.final("errand", {"ends": [[end, [], []]], "booked": 0})


def read(*frames: list[Any], kept: Any = (1, "abcd")) -> Story:
    story = Story()
    for value in frames:
        story.add("frame", "s", value, client="l", entity="e/1")
    return story.final("told", {"s": list(kept)} if kept else {})


END = ["end", 0, 0, ""]


def mine(*hosts: str, why: str = "poisoned", replaced: int = 0) -> Story:
    story, fields = Story(), {"client": "c", "entity": "log/0", "kind": "poison"}
    story.add("invoke", "p", **fields).add("info", "p", "unavailable", **fields)
    for host in hosts or ("a", "a", "a"):
        story.add("killed", "p", {"host": host, "replaced": False})
    for _ in range(replaced):
        story.add("killed", "p", {"host": "a", "replaced": True})
    return story.add("invoke", "p", **fields).add("fail", "p", why, **fields)


@pytest.mark.parametrize(
    "story",
    [
        rung([1_000, 0], [1_500, 0], [2_000, 0]),
        rung([1_000, 0], [1_500, 4], [4_000, 0]),
        rung([0, 1_000], [900_000, 0], [900_500, 0]),
        rung([1_000, 0], value=(1, 0, False)),
        published("a", "b", "c"),
        published("c", late=True),
        published(late=True),
        flow(*WHOLE),
        flow((1, 1), (2, 1), (2, 2), (3, 2)),
        flow((1, 1), (1, 2), (2, 2), (1, 1), (3, 2)),
        cancelled(),
        read(["delta", 1, 2, "ab"], ["delta", 1, 4, "cd"], END),
        read(
            ["delta", 2, 2, "ab"],
            ["reset", 3, 0, ""],
            ["delta", 3, 4, "abcd"],
            END,
            kept=(3, "abcd"),
        ),
        read(["delta", 1, 2, "ab"]),
        mine(),
        mine("a", "b", "a", "b"),
        mine(replaced=1),
    ],
)
def test_what_keeps_the_promise_is_let_pass(story: Story) -> None:
    assert story.told() == []


@pytest.mark.parametrize(
    ("told", "story"),
    [
        ("C10 2 ticks for 3", rung([1_000, 0], [1_500, 0])),
        ("C10 after 1000", rung([1_000, 0], [1_000, 0], [1_500, 0])),
        ("C10 after 1500", rung([1_000, 0], [1_500, 0], [2_500, 0])),
        ("C10 after 1000", rung([1_000, 0], [1_700, 0], [2_200, 0])),
        ("C10 it left 1", rung([0, 0], [500, 1], [1_500, 0], value=(3, 500, False))),
        ("C10 it handled", rung([0, 0], [500, 0], [1_000, 0], heard=[["r", 0, 0]])),
        (
            "C10 nobody asked",
            Story().final("ticks", {"ticks": [["x", 0, 0]], "heard": [["x", 0, 0]]}),
        ),
        (
            "C10 it was refused",
            Story()
            .refused("remind", "r", [1, 0, False])
            .final("ticks", {"ticks": [["r", 0, 0]], "heard": [["r", 0, 0]]}),
        ),
        ("C11 of paper/1 it heard 2 of 3: lost", published("a", "c")),
        ("C11 of paper/1 it heard 4 of 3", published("a", "b", "b", "c")),
        ("C11 of paper/1 it heard ['a', 'c', 'b']", published("a", "c", "b")),
        ("C11 of paper/1 it heard 1 of 1: lost", published("b", late=True)),
        ("C11 it was published 0 times", Story().did("publish", "a").final("published", [])),
        ("C11 it was published 0", Story().did("publish", "a").final("published", ["z"], "p")),
        ("C12 s1 was finished", flow((1, 1), (2, 1), (1, 2), (3, 2))),
        ("C12 s3 is done at most once", flow(*WHOLE, (3, 2))),
        ("C12 it ended as []", flow(*WHOLE, end=[])),
        ("C12 it ended as [['internal'", flow(*WHOLE, end=["internal", [], []])),
        ("C12 what it asked for", flow(*WHOLE, booked=2)),
        ("C12 what it asked for", flow(*WHOLE, booked=0)),
        ("C12 it took the signals", flow(*WHOLE, end=["done", ["t1", "t2", "t3"], ["s", "s"]])),
        ("C12 it took the signals", flow(*WHOLE, signals=("s", "other"))),
        ("C12 it has the outcomes", flow(*WHOLE, end=["done", ["t1", "t2", "x"], ["s"]])),
        ("C12 s2 was given", flow(*WHOLE, end=["done", ["t2", "t1", "t3"], ["s"]])),
        ("C12 nobody cancelled", flow(*WHOLE, end=["cancelled", [], []])),
        ("C12 it was cancelled and did not undo", cancelled(undone=False)),
        ("C12 it was cancelled before", cancelled(end="done")),
        ("C13 l saw 3 to 4", read(["delta", 1, 2, "ab"], ["delta", 1, 4, "d"])),
        ("C13 l saw 0 to 2", read(["delta", 1, 2, "ab"], ["delta", 1, 2, "ab"])),
        ("C13 l saw generation 2", read(["delta", 1, 2, "ab"], ["delta", 2, 4, "cd"])),
        ("C13 l had to begin", read(["delta", 1, 2, "ab"], ["reset", 1, 0, ""])),
        ("C13 l saw 1: 'ab' to its end", read(["delta", 1, 2, "ab"], END)),
        ("C14 it ended 4 hosts", mine("a", "a", "a", "a")),
        ("C14 it ended 5 hosts", mine("a", "b", "a", "b", "a")),
        ("C14 it was never set aside", mine(why="overloaded")),
        ("C14 it was answered", Story().did("poison", "p")),
        (
            "C14 it was set aside without guilt",
            Story()
            .add("invoke", "a", client="c", entity="log/0", kind="append")
            .add("fail", "a", "poisoned", client="c", entity="log/0", kind="append"),
        ),
        ("C13 the stream never came", read(kept=()).did("tell", "s")),
    ],
)
def test_what_breaks_it_is_told(told: str, story: Story) -> None:
    assert any(line.startswith(told) for line in story.told()), story.told()
