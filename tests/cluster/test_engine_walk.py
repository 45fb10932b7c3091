"""The commands of the ten minutes in docs/engine.md, as they stand there, on real Ray."""

from __future__ import annotations

import os
import re
import subprocess
import textwrap
from pathlib import Path

import pytest

from tests.support.running import VAREON, RunningVareon

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "engine.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```", GUIDE, re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(source) for source in found]


def script(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    path.chmod(0o755)


def test_a_door_of_one_s_own_is_opened_and_survives_a_kill(data_dir: Path, tmp_path: Path) -> None:
    own, bin_dir = tmp_path / "my", tmp_path / "bin"
    own.mkdir()
    bin_dir.mkdir()
    (own / "__init__.py").touch()
    (door,) = (source for source in blocks("python") if "class Door(" in source)
    (own / "entities.py").write_text(door, encoding="utf-8")
    (start,) = (source for source in blocks("sh") if "vareon up" in source)
    (module,) = re.findall(r"VAREON_ENTITIES=(\S+) vareon up\n", start)
    vareon = RunningVareon(
        data_dir,
        environment={"VAREON_ENTITIES": module, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
    )
    with vareon:
        script(bin_dir / "vareon", f'exec {" ".join(VAREON)} "$@" --data-dir {data_dir}')
        # Other tests may have hosts on this machine: only this one is killed.
        script(bin_dir / "pkill", f"exec kill -9 {vareon.pid_of('EntityHost')}")
        commands = [source for source in blocks("sh") if "$DOOR/GetOpen" in source]
        assert len(commands) == 2
        typed = "\n".join(commands).replace("http://127.0.0.1:8480", vareon.base_url.rstrip("/"))
        done = subprocess.run(
            ["sh", "-e", "-c", typed],
            env={**os.environ, "PATH": f"{bin_dir}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
    assert done.stdout == "true" * 3, done.stderr
