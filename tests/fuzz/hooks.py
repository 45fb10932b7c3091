"""What schemathesis cannot know by itself: what a refusal of valid data may mean."""

from __future__ import annotations

import schemathesis


@schemathesis.check
def schema_and_document_agree(
    ctx: schemathesis.CheckContext,
    response: schemathesis.Response,
    case: schemathesis.Case,
) -> None:
    """Data that the document allows is never refused by the schema that the document is made from.

    A refusal for another reason, such as a name that is taken, names no place in ``errors``. Only
    a cursor is no place to hold against it: no schema tells which ones a list has given out.
    """
    meta = case.meta
    if meta is None or not meta.generation.mode.is_positive or response.status_code != 422:
        return
    wrong = [
        mistake["loc"]
        for mistake in response.json().get("errors", ())
        if mistake["loc"][-1] != "cursor"
    ]
    assert not wrong, f"the document allows what the schema refuses: {wrong}"
