"""``python -m tests.recorded``: record what is new. What was recorded before is never changed."""

from __future__ import annotations

import json

from tests.recorded.files import FINGERPRINTS, file_of, fingerprints
from tests.recorded.shapes import example, fingerprint, stored_types, version_of
from vareon_runtime import codec


def main() -> None:
    """Write an example of every stored type whose present version has none."""
    known = fingerprints()
    for name, klass in stored_types().items():
        version = version_of(klass)
        file = file_of(name, version)
        if not file.exists():
            file.write_bytes(codec.encode(example(klass)))
            print(f"recorded {file.name}")  # noqa: T201 - a command that a person runs
        if version:
            known.setdefault(f"{name}.{version}", fingerprint(klass))
    text = json.dumps(dict(sorted(known.items())), indent=2)
    FINGERPRINTS.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
