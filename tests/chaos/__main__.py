"""Real chaos: ``python -m tests.chaos --rounds 20``; see `docs/promises.md`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos import record
from tests.chaos.arena import Arena
from tests.chaos.disk import round_on_full_disk
from tests.chaos.faults import KILLS, MODES, QUICK, schedule
from tests.chaos.verdict import Verdict

DEFAULT_RECORD = Path("build")
CAUGHT = 4
MIXES = {
    "all": MODES,
    "quick": QUICK,
    "kills": {name: share for name, (share, _) in KILLS.items()},
}


def main() -> int:
    """Run, or only tell what earlier runs add up to; the exit code says whether all is well."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--mix", choices=MIXES, default="all")
    parser.add_argument("--mode", action="append", choices=MODES, help="only this, repeatable")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--record", type=Path, default=DEFAULT_RECORD)
    parser.add_argument("--disk", action="store_true", help="fill the disk, in a system of its own")
    parser.add_argument("--summary", action="store_true", help="only add up what is recorded")
    parser.add_argument("--until-caught", action="store_true", help="end at the first violation")
    chosen = parser.parse_args()
    if not chosen.summary:
        modes = {name: MODES[name] for name in chosen.mode} if chosen.mode else MIXES[chosen.mix]
        lines = fill(chosen) if chosen.disk else run(chosen, schedule(chosen.rounds, modes))
        wrong = record.shortcomings(lines)
        if chosen.until_caught:
            return CAUGHT if any(line["wrong"] for line in lines) else 0
    else:
        lines = record.read(chosen.record)
        wrong = record.shortcomings(lines)
    _say(record.summary(lines))
    for one in wrong[:50]:
        _say(f"WRONG {one}")
    return 1 if wrong else 0


def run(chosen: argparse.Namespace, modes: list[str]) -> list[dict[str, object]]:
    """All rounds on one system; what was found wrong at its end counts to the last of them."""
    seed = chosen.seed if chosen.seed is not None else time.time_ns() % 1_000_000
    lines = []
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
        with Arena(Path(folder), seed) as arena:
            for verdict in arena.run(modes):
                if verdict.round == len(modes) or (chosen.until_caught and not verdict.sound):
                    verdict.wrong += arena.end()
                record.append(chosen.record, verdict)
                lines.append(verdict.line())
                _say(_shown(verdict))
                if chosen.until_caught and not verdict.sound:
                    break
        if any(line["wrong"] for line in lines):
            _keep(Path(folder), chosen.record)
    return lines


def fill(chosen: argparse.Namespace) -> list[dict[str, object]]:
    """Rounds with a full disk, each in a system of its own."""
    lines = []
    for number in range(chosen.rounds):
        with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
            try:
                verdict = round_on_full_disk(Path(folder), (chosen.seed or 0) + number)
            except PermissionError as error:
                _say(f"not done: {error}")
                return lines
            if not verdict.sound:
                _keep(Path(folder), chosen.record)
        record.append(chosen.record, verdict)
        lines.append(verdict.line())
        _say(_shown(verdict))
    return lines


def _keep(folder: Path, where: Path) -> None:
    """Histories of rounds that broke a promise outlive the run, and so do the logs."""
    kept = where / f"chaos-{time.strftime('%Y%m%d-%H%M%S')}"
    kept.mkdir(parents=True, exist_ok=True)
    for path in [*folder.glob("*.jsonl"), *folder.glob("data/logs/*.log")]:
        path.rename(kept / path.name)
    _say(f"histories are kept in {kept}")


def _shown(verdict: Verdict) -> str:
    slowest = max(verdict.recovered_s, default=0.0)
    state = "ok" if verdict.sound else "; ".join(verdict.wrong[:3])
    return (
        f"{verdict.round:4} {verdict.mode:<24} {verdict.acknowledged:5} done,"
        f" again after {slowest:5.2f} s, {verdict.seconds:5.1f} s {verdict.outcome} {state}"
    )


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
