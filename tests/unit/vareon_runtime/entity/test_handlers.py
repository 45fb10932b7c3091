"""A mistake in an entity stops the process at import, not a message at night."""

from __future__ import annotations

import pytest

from vareon_runtime.entity import (
    Context,
    EffectContext,
    Entity,
    Later,
    Registry,
    Request,
    State,
    command,
    effect,
    entity,
    query,
)
from vareon_runtime.errors import ConfigurationError, NotFound
from vareon_runtime.models import ConversationRow


class Tiny(State):
    title: str = ""
    hidden: int = 0


class Ask(Request[int]):
    pass


def test_handlers_are_bound_by_their_annotations() -> None:
    @entity("tiny", row=ConversationRow)
    class Good(Entity[Tiny]):
        @command(creates=True)
        async def ask(self, message: Ask, context: Context) -> Later[int]:
            return context.after(self.work(1.5), then=self.worked)

        @effect()
        async def work(self, factor: float, context: EffectContext) -> int:
            return int(factor)

        async def worked(self, result: int, context: Context) -> int:
            return result

    table = Good.handlers
    assert table.messages["Ask"].options.creates
    assert table.effects["work"].arguments == (float,)
    assert table.effects["work"].wants_context
    assert table.columns == ("title",)
    assert Good("k", Tiny()).work(2.0).arguments == (2.0,)
    assert Registry([Good]).get("tiny") is Good
    with pytest.raises(NotFound):
        Registry([Good]).get("large")
    with pytest.raises(ConfigurationError):
        Registry([Good, Good])


def _wrong_reply() -> type:
    class Wrong(Entity[Tiny]):
        @command
        async def ask(self, message: Ask, context: Context) -> str:
            return ""

    return Wrong


def _not_async() -> type:
    class Wrong(Entity[Tiny]):
        @query
        def ask(self, message: Ask, context: Context) -> int:
            return 1

    return Wrong


def _no_message() -> type:
    class Wrong(Entity[Tiny]):
        @query
        async def ask(self, message: int, context: Context) -> int:
            return 1

    return Wrong


def _twice() -> type:
    class Wrong(Entity[Tiny]):
        @query
        async def ask(self, message: Ask, context: Context) -> int:
            return 1

        @query
        async def also(self, message: Ask, context: Context) -> int:
            return 1

    return Wrong


def _no_state() -> type:
    class Wrong(Entity):
        pass

    return Wrong


def _short() -> type:
    class Wrong(Entity[Tiny]):
        @query
        async def ask(self, message: Ask) -> int:
            return 1

    return Wrong


@pytest.mark.parametrize("make", [_wrong_reply, _not_async, _no_message, _twice, _no_state, _short])
def test_a_wrong_class_is_refused_with_its_name(make) -> None:
    with pytest.raises(ConfigurationError, match="Wrong"):
        entity("wrong")(make())
