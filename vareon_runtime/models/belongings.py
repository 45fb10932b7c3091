"""What belongs to a user, in one place: it is exported with the account, and deleted with it.

A new kind of thing that users own joins by a line here, and by one in
`actors.accounts.closing.DELETIONS` that says how its entity is asked to go.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import InstrumentedAttribute

from vareon_runtime.models.arcana import ChatMessageRow, ConversationRow
from vareon_runtime.models.cognisys import UserLlmPreferenceRow
from vareon_runtime.models.mail import MailRow
from vareon_runtime.models.notifications import NotificationRow
from vareon_runtime.models.sign_in import ApiKeyRow, SessionRow
from vareon_runtime.storage.base import Base


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that belong to a thing, such as the messages of a conversation.

    Attributes:
        section: What the export calls them.
        row: Their table.
        parent: The column that names the thing.
        order: The column that sorts them within it; unique there.
    """

    section: str
    row: type[Base]
    parent: InstrumentedAttribute[str]
    order: InstrumentedAttribute[int]


@dataclass(frozen=True, slots=True)
class Belonging:
    """One kind of thing that users own.

    Attributes:
        section: What the export calls these things.
        kind: Of the entities that they are; the row's id is its key, unless ``entity`` says.
        row: Their table.
        key: Its id.
        owner: The column that names the user.
        parts: What is exported within each.
        withheld: Columns that are not exported.
        entity: The column that names the entity, where many rows are one entity's.
    """

    section: str
    kind: str
    row: type[Base]
    key: InstrumentedAttribute[str]
    owner: InstrumentedAttribute[str]
    parts: tuple[Part, ...] = ()
    withheld: frozenset[str] = frozenset()
    entity: InstrumentedAttribute[str] | None = None


BELONGINGS: tuple[Belonging, ...] = (
    Belonging(
        "conversations",
        "conversation",
        ConversationRow,
        ConversationRow.id,
        ConversationRow.user_id,
        parts=(
            Part(
                "messages", ChatMessageRow, ChatMessageRow.conversation_id, ChatMessageRow.position
            ),
        ),
    ),
    Belonging(
        "llm_preferences",
        "llm_preference",
        UserLlmPreferenceRow,
        UserLlmPreferenceRow.id,
        UserLlmPreferenceRow.id,
    ),
    Belonging(
        "mails",
        "mail",
        MailRow,
        MailRow.id,
        MailRow.user_id,
        withheld=frozenset({"link", "error"}),
    ),
    # One entity of each user's owns all of these rows, which are few.
    Belonging("sessions", "sessions", SessionRow, SessionRow.user_id, SessionRow.user_id),
    Belonging(
        "api_keys",
        "api_keys",
        ApiKeyRow,
        ApiKeyRow.user_id,
        ApiKeyRow.user_id,
        withheld=frozenset({"hashed_key"}),
    ),
    Belonging(
        "notifications",
        "notifications",
        NotificationRow,
        NotificationRow.id,
        NotificationRow.user_id,
        withheld=frozenset({"number", "changed"}),
        entity=NotificationRow.user_id,
    ),
)
