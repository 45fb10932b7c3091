"""Every error that may cross a process boundary, in one tree.

    VareonError
    ├── Refused                 nothing happened; sending again is safe
    │   ├── InvalidMessage      the body does not fit its type
    │   ├── NotFound            no such entity, or not yours
    │   ├── Conflict            a unique value is taken, or the state forbids it
    │   ├── PreconditionFailed  it has changed since the caller looked at it
    │   ├── IdReused            this id was used for something else
    │   ├── Expired             this id is too old, or from the future
    │   ├── CircularWait        its answer would have to wait for itself
    │   ├── StillRunning        the first request with this id has not ended
    │   ├── NotAuthenticated    nobody is signed in
    │   ├── NotPermitted        signed in, but not allowed
    │   ├── Poisoned            it was set aside, for it ends whoever handles it
    │   ├── QuotaExceeded       your own limit is reached
    │   └── Overloaded          the system's limit is reached
    ├── OutcomeUnknown          it may or may not have happened; the same id is safe
    │   ├── Unavailable         the owner is not reachable right now
    │   └── DeadlineExceeded    the time allowed ran out
    ├── UpstreamError           a model provider failed
    │   ├── UpstreamUnreachable connection refused or lost before an answer
    │   ├── UpstreamRejected    it does not accept the key or the request
    │   ├── UpstreamRateLimited it answered 429
    │   ├── UpstreamTimeout     it was silent too long
    │   ├── UpstreamIncomplete  the answer was cut in the middle
    │   └── UpstreamInvalid     it answered something unreadable
    ├── Cancelled               somebody asked for it to stop
    ├── FlowHalted              a flow cannot go on as it is written
    │   └── FlowDiverged        its code changed: the journal tells of other steps
    ├── StaleOwner              this host no longer owns what it tried to write
    ├── StoreFailed             the database refused or lost a commit
    ├── ConfigurationError      a setting is wrong; the detail names the fix
    └── InternalError           a handler raised something unforeseen

Each carries a stable ``code`` and a ``detail`` that says what to do next.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self


class VareonError(Exception):
    """Root of the tree.

    Args:
        detail: One readable sentence.
        retry_after_s: When trying again makes sense, in seconds.
        errors: For validation: one mapping per mistake with ``loc`` and ``message``.
    """

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        detail: str = "",
        retry_after_s: float | None = None,
        errors: tuple[dict[str, Any], ...] = (),
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.errors = errors

    def __reduce__(self) -> tuple[type[Self], tuple[Any, ...]]:
        """Keep every field across processes."""
        return type(self), (self.detail, self.retry_after_s, self.errors)


class Refused(VareonError):
    """Nothing happened."""

    code = "refused"


class InvalidMessage(Refused):
    """The body does not fit its type."""

    code = "invalid"


class NotFound(Refused):
    """No such entity, or it belongs to somebody else."""

    code = "not_found"


class Conflict(Refused):
    """A unique value is taken, or the state forbids the change."""

    code = "conflict"


class PreconditionFailed(Refused):
    """What is to be changed is not what the caller last saw of it; look again."""

    code = "precondition_failed"


class IdReused(Refused):
    """The id was used before for a different message."""

    code = "id_reused"


class CircularWait(Refused):
    """Answering it would wait for itself, through the entities that the detail names."""

    code = "circular_wait"


class StillRunning(Refused):
    """The first request with this id has not ended; ask again for its outcome."""

    code = "still_running"
    retryable = True


class Expired(Refused):
    """The id says when it was made, and that is too long ago, or still to come."""

    code = "expired"


class NotAuthenticated(Refused):
    """Nobody is signed in."""

    code = "not_authenticated"


class NotPermitted(Refused):
    """The caller is known but may not do this."""

    code = "not_permitted"


class Poisoned(Refused):
    """Handling it ended the host every time; it was set aside as a dead letter."""

    code = "poisoned"


class QuotaExceeded(Refused):
    """The caller's own limit is reached."""

    code = "quota_exceeded"
    retryable = True


class Overloaded(Refused):
    """A queue of the system is full."""

    code = "overloaded"
    retryable = True


class OutcomeUnknown(VareonError):
    """It may have happened; the same message id is safe to send again."""

    code = "unknown"
    retryable = True


class Unavailable(OutcomeUnknown):
    """The owner is not reachable right now."""

    code = "unavailable"


class DeadlineExceeded(OutcomeUnknown):
    """The time allowed ran out."""

    code = "deadline_exceeded"


class UpstreamError(VareonError):
    """A model provider failed."""

    code = "upstream_error"
    retryable = True


class UpstreamUnreachable(UpstreamError):
    """Connection refused, or lost before an answer began."""

    code = "upstream_unreachable"


class UpstreamRejected(UpstreamError):
    """The provider does not accept the key, the model or the request."""

    code = "upstream_rejected"
    retryable = False


class UpstreamRateLimited(UpstreamError):
    """The provider answered 429."""

    code = "upstream_rate_limited"


class UpstreamTimeout(UpstreamError):
    """The provider was silent too long."""

    code = "upstream_timeout"


class UpstreamIncomplete(UpstreamError):
    """The answer was cut in the middle; what arrived is not an answer."""

    code = "upstream_incomplete"


class UpstreamInvalid(UpstreamError):
    """The provider answered something unreadable."""

    code = "upstream_invalid"


class Cancelled(VareonError):
    """Somebody asked for it to stop."""

    code = "cancelled"


class FlowHalted(VareonError):
    """A flow cannot go on as it is written."""

    code = "flow_halted"


class FlowDiverged(FlowHalted):
    """A flow's code changed while it ran: its journal tells of other steps."""

    code = "flow_diverged"


class StaleOwner(VareonError):
    """This host no longer owns what it tried to write."""

    code = "stale_owner"
    retryable = True


class StoreFailed(VareonError):
    """The database refused or lost a commit."""

    code = "store_failed"
    retryable = True


class ConfigurationError(VareonError):
    """A setting is wrong; the detail names the fix."""

    code = "configuration"


class InternalError(VareonError):
    """A handler raised something unforeseen; the log has the trace."""

    code = "internal"


def _tree(root: type[VareonError]) -> dict[str, type[VareonError]]:
    found = {root.code: root}
    for child in root.__subclasses__():
        found.update(_tree(child))
    return found


BY_CODE: dict[str, type[VareonError]] = _tree(VareonError)


def from_code(
    code: str,
    detail: str,
    retry_after_s: float | None = None,
    errors: tuple[dict[str, Any], ...] = (),
) -> VareonError:
    """Rebuild an error that was sent as its code; an unknown code becomes the root."""
    return BY_CODE.get(code, VareonError)(detail, retry_after_s, errors)
