"""What became of a message, in one sentence."""

from __future__ import annotations

from web.services.message_steps import Step

_CAME = {
    "ask": "asked",
    "send": "sent",
    "reminder": "due by its reminder",
    "effect": "started",
    "stream": "a subscription",
}


def sentence(step: Step, before: int | None) -> str:
    """Where it is, or how it ended."""
    name = step.name or "The message"
    who = f"{name} ({_CAME[step.source]})" if step.source in _CAME else name
    at = str(step.target)
    if step.state == "set_aside":
        return f"{who} was given up by {at} after {_times(step.attempts)}: {step.code}."
    if step.state == "on_its_way":
        queued = f"; {before} before it are not confirmed" if before else ""
        return f"{who} is on its way from {step.sender} to {at}{queued}."
    if step.state == "running":
        if step.source == "effect":
            return f"{who} of {at} is running, at its {_nth(step.attempts)} attempt."
        if step.trail is None:
            return f"{who} is being handled by {at}."
        return f"{who} was handled by {at}; what it started has not answered yet."
    if step.state == "waiting":
        return f"{who} waits in the mailbox of {at}."
    if step.state == "failed":
        return f"{who} failed at {at}: {step.code}{_took(step)}."
    return f"{who} was handled by {at}{_took(step)}."


def _took(step: Step) -> str:
    if step.trail is None:
        return ""
    waited, ran = step.trail.waited_s * 1000, step.trail.ran_s * 1000
    return f" in {ran:,.1f} ms after {waited:,.1f} ms of waiting"


def _times(count: int) -> str:
    return "one attempt" if count == 1 else f"{count} attempts"


def _nth(count: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(count, f"{count}th")
