"""What a user wants from models."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from actors import names
from actors.cognisys.messages import SetPreference
from vareon_runtime.errors import NotFound
from vareon_runtime.identity import Principal
from vareon_runtime.models import UserLlmPreferenceRow
from vareon_runtime.routing.bus import MessageBus
from web.schemas.cognisys import ModelOut, PreferenceIn, PreferenceOut
from web.services.accounts import Rows
from web.services.models import Models


class Preferences:
    """Reads and changes preferences."""

    def __init__(self, rows: Rows, bus: MessageBus, models: Models) -> None:
        self._rows = rows
        self._bus = bus
        self._models = models

    async def of(self, user_id: str, since: datetime) -> PreferenceOut:
        """A user's preference; the defaults, as old as the account, if none was set."""
        rows = await self._rows.rows(
            select(
                UserLlmPreferenceRow.default_model_id,
                UserLlmPreferenceRow.temperature,
                UserLlmPreferenceRow.top_p,
                UserLlmPreferenceRow.created_at,
                UserLlmPreferenceRow.updated_at,
            ).where(UserLlmPreferenceRow.id == user_id)
        )
        if not rows:
            return PreferenceOut(user_id, user_id, None, 0.7, 1.0, since, since, None)
        row = rows[0]
        return PreferenceOut(
            user_id,
            user_id,
            row.default_model_id,
            row.temperature,
            row.top_p,
            row.created_at,
            row.updated_at,
            await self._model(row.default_model_id),
        )

    async def change(self, principal: Principal, body: PreferenceIn) -> PreferenceOut:
        """Change the caller's own preference."""
        view = await self._bus.ask(
            names.preference(principal.user_id),
            SetPreference(**body.model_dump()),
            principal=principal,
        )
        return PreferenceOut(
            view.id,
            view.user_id,
            view.default_model_id,
            view.temperature,
            view.top_p,
            view.created_at,
            view.updated_at,
            await self._model(view.default_model_id),
        )

    async def _model(self, model_id: str | None) -> ModelOut | None:
        if model_id is None:
            return None
        try:
            return await self._models.model(model_id)
        except NotFound:
            return None
