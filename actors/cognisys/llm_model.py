"""A model as its provider remembers it."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import msgspec

from actors.cognisys.messages import AddModel, ModelView, UpdateModel
from vareon_runtime.errors import InvalidMessage

MAX_NAME = 200
MAX_LABEL = 40
MAX_TOKENS = 100_000_000


class LlmModel(msgspec.Struct, frozen=True):
    """One model; its fields are the columns of its row, except for the key."""

    model_name: str
    type: str | None
    is_active: bool
    reasoning: bool
    role: str | None
    max_tokens: int | None
    cost_per_token: float | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def added(cls, message: AddModel, now: datetime) -> LlmModel:
        """A new one.

        Raises:
            InvalidMessage: If a value cannot be stored.
        """
        model = cls(
            model_name=message.model_name.strip(),
            type=message.type,
            is_active=message.is_active,
            reasoning=message.reasoning,
            role=message.role,
            max_tokens=message.max_tokens,
            cost_per_token=message.cost_per_token,
            created_at=now,
            updated_at=now,
        )
        return model.checked()

    def changed(self, message: UpdateModel, now: datetime) -> LlmModel:
        """This one with the given fields changed.

        Raises:
            InvalidMessage: If a value cannot be stored.
        """
        changes = {
            name: value
            for name in (
                "model_name",
                "type",
                "is_active",
                "reasoning",
                "role",
                "max_tokens",
                "cost_per_token",
            )
            if (value := getattr(message, name)) is not None
        }
        return msgspec.structs.replace(self, **changes, updated_at=now).checked()

    def checked(self) -> LlmModel:
        """This model, once its values are known to fit.

        Raises:
            InvalidMessage: If they do not.
        """
        if not 0 < len(self.model_name) <= MAX_NAME or not self.model_name.isprintable():
            raise InvalidMessage(f"model_name has 1 to {MAX_NAME} printable characters.")
        for label in (self.type, self.role):
            if label is not None and len(label) > MAX_LABEL:
                raise InvalidMessage(f"type and role have at most {MAX_LABEL} characters.")
        if self.max_tokens is not None and not 0 < self.max_tokens <= MAX_TOKENS:
            raise InvalidMessage(f"max_tokens is between 1 and {MAX_TOKENS:,}.")
        cost = self.cost_per_token
        if cost is not None and not (math.isfinite(cost) and cost >= 0):
            raise InvalidMessage("cost_per_token is a number of at least 0.")
        return self

    def columns(self) -> dict[str, Any]:
        """The values of its row."""
        return msgspec.structs.asdict(self)

    def view(self, model_id: str, provider_id: str) -> ModelView:
        """What callers see."""
        return ModelView(id=model_id, provider_id=provider_id, **self.columns())
