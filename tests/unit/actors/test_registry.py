"""The kinds of entity a host runs."""

import subprocess
import sys
import types

import pytest

from actors.registry import ENTITIES, build_registry, entities_in
from vareon_runtime.errors import ConfigurationError, NotFound


def test_every_kind_of_the_product_is_there() -> None:
    """Under its own name."""
    registry = build_registry()
    kinds = [klass.handlers.kind for klass in ENTITIES]
    assert sorted(kinds) == [
        "account_desk",
        "api_keys",
        "audit",
        "conversation",
        "dead_letter",
        "dead_letter_watch",
        "invitation",
        "llm_preference",
        "lockout",
        "mail",
        "notifications",
        "provider",
        "role",
        "roster",
        "routing",
        "sessions",
        "user",
    ]
    assert all(registry.get(klass.handlers.kind) is klass for klass in ENTITIES)
    with pytest.raises(NotFound):
        registry.get("counter")


def test_a_users_own_entity_joins_them() -> None:
    """The example is one."""
    registry = build_registry(["examples.counter.counter"])
    table = registry.get("counter").handlers
    assert table.exposed
    assert sorted(table.messages) == ["Add", "GetCount"]


def test_mistakes_are_said_at_start() -> None:
    """A missing module, one without entities, and a kind that is taken."""
    with pytest.raises(ConfigurationError, match="cannot be imported"):
        build_registry(["no.such.module"])
    with pytest.raises(ConfigurationError, match="defines no class"):
        entities_in(types.ModuleType("empty"))
    with pytest.raises(ConfigurationError, match="Two classes"):
        build_registry(["actors.accounts.user"])


def test_hosts_start_without_cryptography() -> None:
    """It is heavy and imported at first use; a fresh interpreter shows it."""
    program = (
        "import sys, actors.registry, actors.cognisys.openai_wire, actors.cognisys.guide\n"
        "heavy = {'cryptography', 'ray', 'pydantic', 'hypothesis'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
