"""Every rule of the checker: a history that keeps it, and the smallest that breaks it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vareon_runtime.testing.checker import judge
from vareon_runtime.testing.history import Record, merged, read_history
from vareon_runtime.testing.operation import Violation


class Story:
    """Writes a history line by line."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def add(self, phase: str, op: str = "", value: Any = None, **fields: Any) -> Story:
        fields = {"client": "c1", "entity": "log/a", "kind": "append", **fields}
        self.records.append(Record(phase, len(self.records) + 1, op=op, value=value, **fields))
        return self

    def append(self, op: str, **fields: Any) -> Story:
        return self.add("invoke", op, **fields).add("ok", op, **fields)

    def read(self, op: str, seen: list[str], **fields: Any) -> Story:
        self.add("invoke", op, kind="read", **fields)
        return self.add("ok", op, seen, kind="read", **fields)

    def final(self, *ids: str, epochs: list[int] | None = None) -> Story:
        return self.add("final", value={"ids": list(ids), "epochs": epochs}, kind="log")

    def account(self, key: str, had: int, has: int, *moves: list[Any]) -> Story:
        value = {"opened_with": had, "balance": has, "moves": list(moves)}
        return self.add("final", value=value, kind="account", entity=key)

    def broken(self, *, settled: bool = True) -> list[Violation]:
        return judge(self.records, settled=settled).violations

    def rules(self, *, settled: bool = True) -> set[str]:
        return {violation.rule for violation in self.broken(settled=settled)}


def transfer(story: Story, *, ok: bool = True) -> Story:
    value = ["account/1", "account/2", 5]
    story.add("invoke", "t", value, kind="transfer", entity="desk/1")
    return story.add("ok" if ok else "fail", "t", kind="transfer", entity="desk/1")


def deliver(*, at_most_once: bool = False, times: int = 1, steps: int = 1) -> Story:
    story = Story().add("invoke", "d", steps, kind="deliver", entity="courier/1")
    for _ in range(times):
        value = {"key": "k", "step": "1", "at_most_once": at_most_once}
        story.add("delivery", "d", value, kind="delivery")
    return story.add("ok", "d", kind="deliver", entity="courier/1")


def test_a_history_that_keeps_every_promise_has_no_violation() -> None:
    story = Story().append("a").add("invoke", "b").add("info", "b").append("b").append("c")
    story.read("r", ["a", "b", "c"]).add("invoke", "x").add("fail", "x")
    story.final("a", "b", "c", epochs=[1, 1, 2])
    transfer(story).account("account/1", 10, 5, ["t", -5]).account("account/2", 0, 5, ["t", 5])
    judgement = judge(story.records)
    assert not judgement.violations
    assert (judgement.operations, judgement.acknowledged, judgement.unknown_attempts) == (6, 5, 1)


@pytest.mark.parametrize(
    ("rule", "story"),
    [
        ("C1", Story().append("a").final()),
        ("C1", Story().add("invoke", "a").add("fail", "a").final("a")),
        ("C1", Story().append("a").final("a", "ghost")),
        ("C2", Story().append("a").final("a", "a")),
        ("C2", Story().append("a").add("invoke", "a").add("ok", "a", "other").final("a")),
        ("C3", Story().append("a").append("b").final("b", "a")),
        ("C5", Story().append("a").append("b", client="c2").final("b", "a")),
        ("C4", Story().append("a").append("b").read("r", ["b"]).final("a", "b")),
        ("C5", Story().append("a").read("r", []).final("a")),
        ("C5", Story().read("r", ["a"]).append("a").final("a")),
        ("C6", Story().append("a").append("b").final("a", "b", epochs=[2, 1])),
        ("C6", Story().add("commit", value={"epoch": 1, "granted": 2})),
        ("C7", transfer(Story()).account("account/1", 10, 5, ["t", -5])),
        ("C7", Story().account("account/1", 10, 5, ["nobody", -5]).account("account/2", 0, 5)),
        ("C8", Story().add("invoke", "a").final()),
        ("C8", Story().add("invoke", "a").add("info", "a").final()),
        ("C8", Story().add("ok", "a").final()),
        ("C9", Story().add("handled", "v").add("handled", "v")),
        ("E", Story().add("error", value="a task died")),
        ("C2", deliver(times=0)),
        ("C2", deliver(times=2)),
        ("C2", deliver(steps=2)),
    ],
)
def test_the_smallest_history_that_breaks_a_rule_is_caught(rule: str, story: Story) -> None:
    assert rule in story.rules()


def test_reads_that_go_back_are_caught_though_nothing_was_acknowledged() -> None:
    story = Story().add("invoke", "a").read("r1", ["a"], client="c2").read("r2", [], client="c3")
    story.add("ok", "a").final("a")
    assert story.rules() == {"C5"}


def test_a_concurrent_read_may_or_may_not_see_an_append() -> None:
    for seen in (["a"], []):
        story = Story().add("invoke", "a").read("r", seen, client="c2").add("ok", "a")
        assert not story.final("a").broken()


def test_an_unknown_append_may_be_there_or_not_where_settling_is_not_asked() -> None:
    for final in (["a"], []):
        story = Story().add("invoke", "a").add("info", "a").final(*final)
        assert not story.broken(settled=False)


def test_a_redelivery_needs_a_fault_and_is_never_allowed_at_most_once() -> None:
    def twice(at_most_once: bool) -> set[str]:
        story = Story().add("fault", value="kill")
        story.records += deliver(times=2, at_most_once=at_most_once).records
        return story.rules()

    assert not twice(at_most_once=False)
    assert twice(at_most_once=True) == {"C2"}


@pytest.mark.parametrize(("times", "done", "right"), [
    (1, True, True), (0, False, True), (1, False, True), (0, True, False), (2, False, False),
])  # fmt: skip
def test_what_is_handed_over_at_most_once(times: int, done: bool, right: bool) -> None:
    story = Story().add("fault", value="kill").add("invoke", "h", kind="hand")
    for _ in range(times):
        story.add("delivery", "h", {"key": "k", "at_most_once": True}, kind="deliver")
    assert story.add("ok", "h", done, kind="hand").rules() == (set() if right else {"C2"})


def test_half_a_transfer_is_caught_though_the_sum_is_right() -> None:
    story = transfer(Story()).account("account/1", 10, 10).account("account/2", 0, 0)
    assert story.rules() == {"C7"}


def test_a_refused_transfer_moves_nothing() -> None:
    story = transfer(Story(), ok=False)
    story.account("account/1", 10, 5, ["t", -5]).account("account/2", 0, 5, ["t", 5])
    assert story.rules() == {"C7"}


def test_a_history_is_read_back_without_the_line_a_kill_cut_short(tmp_path: Path) -> None:
    story = Story().append("a").final("a")
    path = tmp_path / "history.jsonl"
    path.write_text("".join(r.line() + "\n" for r in story.records) + '["ok",9')
    assert list(read_history(path)) == story.records
    assert merged(story.records[1:], story.records[:1]) == story.records
