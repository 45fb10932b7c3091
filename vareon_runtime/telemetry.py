"""Structured logs: one JSON line for each life-cycle event or error, with ids, never bodies."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Protocol

_log = logging.getLogger("vareon")


class JsonLines(logging.Formatter):
    """A record as one JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, event and its ids; for an error the innermost frames of its trace."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "pid": record.process,
            **getattr(record, "ids", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            line["error"] = type(error).__name__
            line["where"] = [
                f"{frame.name}:{frame.lineno}"
                for frame in traceback.extract_tb(error.__traceback__)[-6:]
            ]
        return json.dumps(line, default=str)


def configure_logging(level: int = logging.INFO) -> None:
    """Send our events to standard error; called once in each process."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    _log.handlers[:] = [handler]
    _log.setLevel(level)
    _log.propagate = False


class About(Protocol):
    """What a task is about."""

    def ids(self) -> dict[str, str]:
        """Ids for the lines that it logs: of its request, its trace, its entity."""
        ...


_about: ContextVar[About | None] = ContextVar("about", default=None)


def log_about(about: About | None) -> None:
    """Add these ids to what this task logs from now on, and the tasks that it makes."""
    _about.set(about)


def event(name: str, **ids: object) -> None:
    """Log a life-cycle event."""
    _log.info(name, extra={"ids": _with_known(ids)})


def failure(name: str, error: BaseException | None = None, **ids: object) -> None:
    """Log an error, with where it was raised but not what it carried."""
    trace = (type(error), error, error.__traceback__) if error is not None else None
    _log.error(name, extra={"ids": _with_known(ids)}, exc_info=trace)


def _with_known(ids: dict[str, object]) -> dict[str, object]:
    about = _about.get()
    return ids if about is None else {**about.ids(), **ids}
