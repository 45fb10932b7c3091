"""The trace of what a request asks for: taken from the caller, or begun with the first message.

W3C ``traceparent`` in; the trace id goes back in ``X-Trace-Id``.
"""

from __future__ import annotations

import re
from contextvars import ContextVar

from multidict import CIMultiDict

from vareon_runtime.envelope import NO_SPAN, NO_TRACE
from vareon_runtime.identity import MessageId
from vareon_runtime.telemetry import log_about

TRACE_HEADER = "X-Trace-Id"
_PARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")
_LONGEST = 200


class Trace:
    """See the module.

    Attributes:
        trace_id: 16 bytes; empty until its first message, unless the caller gave one.
        span_id: What the caller was doing, if it said so.
    """

    __slots__ = ("request_id", "span_id", "trace_id")

    def __init__(self, trace_id: bytes, span_id: bytes, request_id: str) -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.request_id = request_id

    def ids(self) -> dict[str, str]:
        """What log lines say of it."""
        told = {"request_id": self.request_id} if self.request_id else {}
        if self.trace_id:
            told["trace_id"] = self.trace_id.hex()
        return told

    def show(self, headers: CIMultiDict[str]) -> None:
        """Tell the caller, if there is anything to follow."""
        if self.trace_id:
            headers[TRACE_HEADER] = self.trace_id.hex()


_TRACE: ContextVar[Trace | None] = ContextVar("trace", default=None)


def begin_trace(traceparent: str | None = None, request_id: str = "") -> Trace:
    """What this task asks from now on belongs to one trace."""
    trace_id, span_id = _given(traceparent)
    trace = Trace(trace_id, span_id, request_id)
    _TRACE.set(trace)
    log_about(trace)
    return trace


def trace_for(message_id: MessageId | None) -> tuple[bytes | None, bytes]:
    """Trace and parent of a message that is about to be asked; the first one begins a trace.

    Args:
        message_id: The message; None for a subscription, which joins a trace and begins none.
    """
    trace = _TRACE.get()
    if trace is None:
        return None, NO_SPAN
    if not trace.trace_id and message_id is not None:
        trace.trace_id = message_id
    return trace.trace_id or None, trace.span_id


def _given(traceparent: str | None) -> tuple[bytes, bytes]:
    """What the caller says, if it can be read; anything else is as if it said nothing."""
    found = _PARENT.fullmatch(traceparent[:_LONGEST]) if traceparent else None
    if found is None:
        return b"", NO_SPAN
    trace_id, span_id = bytes.fromhex(found[1]), bytes.fromhex(found[2])
    return (b"", NO_SPAN) if trace_id == NO_TRACE or span_id == NO_SPAN else (trace_id, span_id)
