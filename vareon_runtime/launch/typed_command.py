"""What the person at the terminal has to type to reach this very installation."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

_NAME = "vareon"


def typed_command() -> str:
    """``vareon`` where the shell would find this installation by it, else the path to it.

    In a clone, whose virtual environment nobody has activated, that is ``.venv/bin/vareon``.
    """
    script = _own_script()
    if script is None or _is_found_as(_NAME, script):
        return _NAME
    here = Path.cwd()
    if script.is_relative_to(here):
        beside = script.relative_to(here)
        return shlex.quote(str(beside) if len(beside.parts) > 1 else f"./{beside}")
    return shlex.quote(str(script))


def _own_script() -> Path | None:
    """The script that was run; with ``python -m``, the one that lies beside the interpreter."""
    for candidate in (Path(sys.argv[0]), Path(sys.executable).with_name(_NAME)):
        if candidate.name == _NAME and candidate.is_file():
            return candidate.absolute()
    return None


def _is_found_as(name: str, script: Path) -> bool:
    found = shutil.which(name)
    return found is not None and Path(found).samefile(script)
