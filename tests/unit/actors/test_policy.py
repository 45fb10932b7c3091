"""The policy: what roles allow, and what principals carry."""

from __future__ import annotations

from itertools import pairwise

import pytest

from actors import policy
from vareon_runtime.errors import NotPermitted
from vareon_runtime.identity import Principal


def test_roles_are_nested_and_the_administrator_may_everything() -> None:
    """A permission that nobody holds could never be used."""
    held = [policy.ROLES[name] for name in ("viewer", "member", "operator", "admin")]
    assert all(less < more for less, more in pairwise(held))
    assert held[-1] == frozenset(policy.PERMISSIONS)
    assert all(name.count(":") == 1 and meaning for name, meaning in policy.PERMISSIONS.items())


def test_grants_are_role_names_and_what_goes_beyond_them() -> None:
    """So whoever holds built-in roles alone carries no more than before."""
    assert policy.grants({"member", "gone"}, ()) == ("member",)
    carried = policy.grants({"viewer"}, {policy.CHAT, policy.READ_CHAT})
    assert carried == ("viewer", policy.CHAT)
    assert policy.granted(carried) == policy.ROLES["viewer"] | {policy.CHAT}


@pytest.mark.parametrize("grants", [(), ("king",), ("king:rule",), ("ADMIN",), ("",)])
def test_what_is_unknown_allows_nothing(grants: tuple[str, ...]) -> None:
    assert policy.granted(grants) == frozenset()


def test_nobody_is_the_system() -> None:
    policy.check(None, policy.WRITE_ROLES)
    policy.check_within(None, policy.PERMISSIONS)


def test_checks() -> None:
    who = Principal("u", ("member",))
    policy.check(who, policy.CHAT)
    policy.check_within(who, {policy.CHAT, policy.READ_CHAT})
    with pytest.raises(NotPermitted):
        policy.check(who, policy.OTHERS_CHATS)
    with pytest.raises(NotPermitted, match=policy.READ_AUDIT):
        policy.check_within(who, {policy.CHAT, policy.READ_AUDIT})
