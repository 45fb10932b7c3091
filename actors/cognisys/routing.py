"""Cognisys's choice: which model answers a prompt."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, and_, bindparam, case, func, or_, select

from actors.cognisys.messages import ChooseModel, ModelRoute
from actors.names import GUIDE_MODEL
from vareon_runtime.entity import Context, Entity, State, entity, query
from vareon_runtime.models import LlmModelRow, LlmProviderRow, UserLlmPreferenceRow


class RoutingState(State):
    """Nothing yet: the choice is made from the tables."""


@entity("routing")
class Routing(Entity[RoutingState]):
    """Chooses by preference, then by age; the built-in guide where nothing is connected."""

    @query(creates=True)
    async def choose(self, message: ChooseModel, context: Context) -> ModelRoute:
        """The user's default model if it can be used, else the newest, else the guide."""
        rows = await context.read(_CANDIDATES, user_id=message.user_id)
        return route_of(rows[0]) if rows else guide_route()


def _candidates() -> Select[*tuple[Any, ...]]:
    """The one model to use for a user, with its provider and the user's settings."""
    model, provider, wish = LlmModelRow, LlmProviderRow, UserLlmPreferenceRow
    preferred = case((wish.default_model_id == model.id, 1), else_=0).label("preferred")
    return (
        select(
            model.id,
            model.model_name,
            model.max_tokens,
            provider.id.label("provider_id"),
            provider.name.label("provider_name"),
            provider.base_url,
            provider.api_key_encrypted,
            provider.organization_id,
            provider.anywhere,
            wish.temperature,
            wish.top_p,
            preferred,
        )
        .join(provider, provider.id == model.provider_id)
        .outerjoin(wish, wish.id == bindparam("user_id"))
        .where(
            and_(
                model.is_active.is_(True),
                provider.enabled.is_(True),
                or_(
                    model.type.is_(None),
                    func.lower(model.type) == "chat",
                    wish.default_model_id == model.id,
                ),
            )
        )
        .order_by(preferred.desc(), model.created_at.desc(), model.id.desc())
        .limit(1)
    )


def route_of(row: Any) -> ModelRoute:
    """The route to the model of a row that `_candidates` selected."""
    why = "your default model" if row.preferred else "the newest active model"
    return ModelRoute(
        model_name=row.model_name,
        reason=f"{row.model_name} of {row.provider_name} is {why}.",
        provider_id=row.provider_id,
        provider_name=row.provider_name,
        model_id=row.id,
        base_url=row.base_url,
        api_key_encrypted=row.api_key_encrypted,
        organization_id=row.organization_id,
        temperature=0.7 if row.temperature is None else row.temperature,
        top_p=1.0 if row.top_p is None else row.top_p,
        max_tokens=row.max_tokens,
        anywhere=bool(row.anywhere),
    )


def guide_route() -> ModelRoute:
    """The built-in responder."""
    return ModelRoute(model_name=GUIDE_MODEL, reason="No model is connected yet.")


_CANDIDATES = _candidates()
"""Built once: every turn asks for it, and building costs more than running it."""
