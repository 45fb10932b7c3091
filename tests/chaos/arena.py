"""One running system that goes through round after round."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Self

from tests.chaos.audit import Trail
from tests.chaos.crew import Crew
from tests.chaos.faults import strike
from tests.chaos.verdict import Verdict, conclude
from tests.support.running import ROLES, RunningVareon
from vareon_runtime.hosting.bootstrap import sqlite_path

ROOT = Path(__file__).parents[2]
WARM_S = (0.4, 0.9)
ENDS_WITHIN_S = 10.0
FIRST_ROUND_S = 1.5


@dataclass
class Arena:
    """The system, and everybody outside of it.

    Attributes:
        folder: Holds the data dir and the histories.
        seed: Chooses the moments.
    """

    folder: Path
    seed: int
    rounds: int = 0
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {
            "VAREON_ENTITIES": "tests.chaos.entities",
            "PYTHONPATH": os.pathsep.join(paths),
        }
        data_dir = self.folder / "data"
        self.vareon = RunningVareon(data_dir, environment=environment)
        with ExitStack() as entered:
            entered.callback(self.vareon.forget)
            entered.enter_context(self.vareon)
            self.crew = entered.enter_context(Crew(self.folder))
            self._connect_model()
            self.trail = Trail(self.database)
            self.trail.begin()
            self._open = entered.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._open.close()

    @property
    def database(self) -> Path:
        """The file."""
        return sqlite_path(self.vareon.settings.database_url)

    def run(self, modes: Iterable[str]) -> Iterable[Verdict]:
        """A round for each mode."""
        for mode in modes:
            yield self.round(mode)

    def round(self, mode: str) -> Verdict:
        """Work, a fault in the midst of it, work until all is well again, and the judgement."""
        self.rounds += 1
        number, began = self.rounds, time.monotonic()
        random = Random(f"{self.seed}/{number}/{mode}")
        for role in ROLES:
            self.vareon.replaced(role, 0)
        self.crew.begin(number, self.seed, self.vareon.base_url, self.vareon.admin_token())
        time.sleep(random.uniform(*WARM_S) + (FIRST_ROUND_S if number == 1 else 0))
        fault = strike(self.vareon, mode, random)
        stuck = self.crew.settle()
        verdict = conclude(
            number,
            fault,
            self.crew.histories(number),
            self.crew.deliveries,
            self.trail.since(),
        )
        verdict.wrong += [f"the {name} clients never came to rest" for name in stuck]
        verdict.seed = self.seed
        verdict.seconds = round(time.monotonic() - began, 2)
        if verdict.sound:
            for path in self.crew.histories(number):
                path.unlink(missing_ok=True)
        return verdict

    def end(self) -> list[str]:
        """End the system; returns what is wrong with what it leaves."""
        wrong = []
        instance = self.vareon.instance
        self.vareon.stop()
        self.vareon.instance = instance
        try:
            self.vareon.none_left(ENDS_WITHIN_S)
        except AssertionError:
            wrong.append(f"processes are left: {self.vareon.processes()}")
        with sqlite3.connect(self.database) as connection:
            checked = connection.execute("PRAGMA integrity_check").fetchone()[0]
        connection.close()
        if checked != "ok":
            wrong.append(f"integrity_check: {checked}")
        return wrong

    def _connect_model(self) -> None:
        token = self.vareon.admin_token()

        def create(what: str, **fields: Any) -> str:
            status, made = self.vareon.request("POST", f"/api/cognisys/{what}/", fields, token)
            if status not in (200, 201):
                raise RuntimeError(f"{what}: {status} {made}")
            return str(made["id"])

        provider = create("providers", name="paced", base_url=self.crew.upstream, api_key="k")
        create("models", provider_id=provider, model_name="fake-small")
