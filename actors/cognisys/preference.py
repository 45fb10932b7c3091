"""What one user wants from models."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from sqlalchemy import select

from actors.cognisys.messages import DeletePreference, PreferenceView, SetPreference
from actors.policy import MANAGE_ACCOUNTS, OTHERS_PREFERENCES, may
from vareon_runtime.entity import Context, Entity, Message, State, command, entity
from vareon_runtime.errors import InvalidMessage, NotFound
from vareon_runtime.models import LlmModelRow, UserLlmPreferenceRow

MAX_TEMPERATURE = 2.0
MAX_TOP_P = 1.0


class PreferenceState(State):
    """The user's row."""

    default_model_id: str | None = None
    temperature: float = 0.7
    top_p: float = 1.0
    created_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    updated_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)


@entity("llm_preference", row=UserLlmPreferenceRow)
class Preference(Entity[PreferenceState]):
    """One for each user, under the user's id."""

    def permit(self, message: Message | None, context: Context) -> None:
        """Only the user, and whoever may choose for others."""
        who = context.principal
        # Whoever may end accounts ends what is in them.
        needed = MANAGE_ACCOUNTS if isinstance(message, DeletePreference) else OTHERS_PREFERENCES
        if who is not None and who.user_id != self.key and not may(who, needed):
            raise NotFound("LLM preference not found")

    @command(creates=True)
    async def set(self, message: SetPreference, context: Context) -> PreferenceView:
        """Change what is given."""
        state = self.state
        if message.default_model_id is not None:
            if not await _model_exists(message.default_model_id, context):
                raise NotFound("Default LLM Model not found")
            state.default_model_id = message.default_model_id
        elif not await _model_exists(state.default_model_id, context):
            # It has been removed since, and its row no longer names it.
            state.default_model_id = None
        if message.temperature is not None:
            state.temperature = _within("temperature", message.temperature, MAX_TEMPERATURE)
        if message.top_p is not None:
            state.top_p = _within("top_p", message.top_p, MAX_TOP_P)
        state.updated_at = context.now()
        if not self.exists:
            state.created_at = state.updated_at
        return self._view()

    @command
    async def delete(self, message: DeletePreference, context: Context) -> bool:
        """Forget it."""
        context.delete()
        return True

    def _view(self) -> PreferenceView:
        state = self.state
        return PreferenceView(
            id=self.key,
            user_id=self.key,
            default_model_id=state.default_model_id,
            temperature=state.temperature,
            top_p=state.top_p,
            created_at=state.created_at,
            updated_at=state.updated_at,
        )


async def _model_exists(model_id: str | None, context: Context) -> bool:
    if model_id is None:
        return False
    return bool(await context.read(select(LlmModelRow.id).where(LlmModelRow.id == model_id)))


def _within(name: str, value: float, largest: float) -> float:
    if not (math.isfinite(value) and 0.0 <= value <= largest):
        raise InvalidMessage(f"{name} is between 0 and {largest:g}.")
    return float(value)
