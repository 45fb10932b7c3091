"""``make audit``: are there known vulnerabilities in what is locked, or code that runs unasked?

Asks the OSV database (https://google.github.io/osv.dev/api/) about every pinned version. It needs
the network, and says so when there is none: an audit that was not made is not one that passed.
"""

from __future__ import annotations

import json
import os
import re
import sys
import sysconfig
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parents[1] / "requirements.lock"
DATABASE = os.environ.get("OSV_URL", "https://api.osv.dev")
CLEAN, FOUND, NOT_DONE = 0, 1, 2
_PIN = re.compile(
    r"^([a-z0-9][a-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", re.IGNORECASE | re.MULTILINE
)
_PATIENCE_S = 30.0
_OUR_OWN = re.compile(
    r"__editable__.*vareon|distutils-precedence|a1_coverage|virtualenv", re.IGNORECASE
)


def main() -> int:
    """Audit; the exit code says whether all is well."""
    pins = _PIN.findall(LOCK.read_text(encoding="utf-8"))
    unasked = [path.name for path in _start_up_files() if not _OUR_OWN.search(path.name)]
    for name in unasked:
        _say(f"{name}: a package that runs code at every start of Python")
    try:
        known = vulnerabilities(pins)
    except (OSError, ValueError) as error:
        _say(f"not audited: {DATABASE} cannot be asked ({error}); this needs the network")
        return NOT_DONE
    for (name, version), found in known.items():
        _say(f"{name} {version}: {', '.join(found)}")
    _say(f"{len(pins)} pinned versions, {len(known)} with known vulnerabilities")
    return FOUND if known or unasked else CLEAN


def vulnerabilities(pins: list[tuple[str, str]]) -> dict[tuple[str, str], list[str]]:
    """The identifiers of what is known about each pinned version, for those that have any."""
    queries = [
        {"package": {"name": name, "ecosystem": "PyPI"}, "version": version}
        for name, version in pins
    ]
    answer = _asked({"queries": queries})
    results = answer["results"]
    if len(results) != len(pins):
        raise ValueError("the answer does not fit the question")
    return {
        pin: [str(one["id"]) for one in result["vulns"]]
        for pin, result in zip(pins, results, strict=True)
        if result.get("vulns")
    }


def _asked(body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        f"{DATABASE}/v1/querybatch",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=_PATIENCE_S) as response:
        return json.load(response)


def _start_up_files() -> list[Path]:
    return sorted(Path(sysconfig.get_path("purelib")).glob("*.pth"))


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command that a person runs


if __name__ == "__main__":
    sys.exit(main())
