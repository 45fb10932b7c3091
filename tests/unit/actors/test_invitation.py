"""Invitations that are too old."""

from __future__ import annotations

import pytest

from actors.accounts.invitation import GOOD_FOR, Invitation
from actors.accounts.messages import AcceptInvitation, Invite
from actors.accounts.one_use import OneUseTokens
from tests.support.workbench import ADMIN, ANN, Workbench
from vareon_runtime.errors import InvalidMessage, NotPermitted
from vareon_runtime.models import token_hash


async def test_a_link_is_good_for_seven_days(bench: Workbench) -> None:
    bench.resources[OneUseTokens] = OneUseTokens(lambda size: "t" * size)
    invitation = bench.entity(Invitation, "i1")
    accept = AcceptInvitation(token_hash("t" * 32), "u1", "bea", "hash")
    with pytest.raises(NotPermitted):
        await bench.ask(invitation, Invite("bea@example.org", ("member",)), ANN)
    await bench.ask(invitation, Invite("bea@example.org", ("member",)), ADMIN)
    with pytest.raises(InvalidMessage, match="not good any more"):
        wrong = AcceptInvitation(token_hash("x"), "u1", "bea", "hash")
        await bench.ask(invitation, wrong, ADMIN)
    bench.clock.now_s += GOOD_FOR.total_seconds() + 10
    with pytest.raises(InvalidMessage, match="not good any more"):
        await bench.ask(invitation, accept, ADMIN)
    bench.clock.now_s -= 100
    await bench.ask(invitation, accept, ADMIN)
