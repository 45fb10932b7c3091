"""``kill -9`` in the middle of streaming answers: nobody loses, misses or doubles anything."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import psutil
import pytest

from tests.support.chat_client import ChatClient
from tests.support.running import ROLES, RunningVareon
from tests.support.streaming_workload import Said, Workload
from vareon_runtime.routing.client import LinkBus

Record = Callable[[str, object], None]

KILLS = int(os.environ.get("KILLS", "1"))
"""``make chaos`` does it ten times."""
TURNS_BETWEEN = 3
NEW_TURN_WITHIN_S = 7.0
RAY_BACK_WITHIN_S = 60.0
CONVERSATION = "0199aaaa-0000-7000-8000-00000000000"

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(200)]


@dataclass(frozen=True)
class Kill:
    """One kill: which turns it interrupted, and when a new one was through."""

    interrupted: list[Said]
    new_turn_s: float


def running(vareon: RunningVareon, role: str) -> int:
    """The process that has a role, waited for if nobody has it right now."""
    return vareon.replaced(role, old_pid=0)


async def kill(vareon: RunningVareon, workload: Workload, role: str) -> Kill:
    """Kill a process while answers stream; wait for its successor and for a new turn's end."""
    pid = await asyncio.to_thread(running, vareon, role)
    interrupted = await workload.streaming(at_least=2)
    os.kill(pid, signal.SIGKILL)
    took = workload.probe(time.monotonic())
    _, took_s = await asyncio.gather(asyncio.to_thread(vareon.replaced, role, pid), took)
    await workload.more_turns(TURNS_BETWEEN)
    return Kill(interrupted, took_s)


@pytest.mark.parametrize("role", ROLES)
async def test_process_killed_again_and_again(
    connected: RunningVareon, role: str, record_property: Record, capsys: Any
) -> None:
    """Kills under load: all is answered once, in order, and new turns work soon."""
    async with Workload(connected.base_url, connected.admin_token()) as workload:
        kills = [await kill(connected, workload, role) for _ in range(KILLS)]
        await workload.finish()
        turns = await workload.judge()
    shown = [*workload.persons, *workload.onlookers]
    everything = [said for one in shown for said in one.said]
    if role == "EntityHost":
        assert all(any(said.resets for said in one.interrupted) for one in kills)
    else:
        assert [said for said in everything if said.resets or said.generation != 1] == []
    took = sorted(one.new_turn_s for one in kills)
    summary = (
        f"{role}: {KILLS} kill(s), {sum(len(one.interrupted) for one in kills)} streams cut, "
        f"{turns} turns; new turn after {took[0]:.1f} to {took[-1]:.1f} s, "
        f"median {statistics.median(took):.1f} s"
    )
    record_property("new_turn_s", [round(one, 2) for one in took])
    with capsys.disabled():
        print(f"\n{summary}")  # noqa: T201
    assert took[-1] < NEW_TURN_WITHIN_S, summary


async def test_answered_with_nobody_there(connected: RunningVareon) -> None:
    """A turn that a host's death interrupts is answered although no client is left to wake it."""
    token = connected.admin_token()
    conversation, asked = CONVERSATION + "1", " ".join(["alone"] * 40)
    pid = running(connected, "EntityHost")
    async with Workload(connected.base_url, token, people=0) as workload:
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            aiohttp.ClientSession(connected.base_url, headers=headers) as session,
            ChatClient(session, conversation) as client,
        ):
            await client.say(asked, "m1")
            await client.until("delta")
        os.kill(pid, signal.SIGKILL)
        assert len(await workload.history(conversation)) == 1
        async with asyncio.timeout(30):
            while len(history := await workload.history(conversation)) < 2:
                await asyncio.sleep(0.1)
    contents = [one["message_content"] for one in history]
    assert contents == [asked, f"(1) You said: {asked}"]


@pytest.mark.parametrize("process", ["raylet", "gcs_server"])
async def test_ray_killed(
    connected: RunningVareon, process: str, record_property: Record, capsys: Any
) -> None:
    """All of Ray is started anew; what was done is there, what was interrupted is answered."""
    old = {name: await asyncio.to_thread(running, connected, name) for name in (process, *ROLES)}
    async with Workload(connected.base_url, connected.admin_token(), people=4) as workload:
        await workload.more_turns(TURNS_BETWEEN)
        interrupted = await workload.streaming(at_least=2)
        os.kill(old.pop(process), signal.SIGKILL)
        began = time.monotonic()
        for name, pid in old.items():
            await asyncio.to_thread(connected.replaced, name, pid, RAY_BACK_WITHIN_S)
        took_s = await workload.probe(began, RAY_BACK_WITHIN_S)
        await workload.ended(interrupted, RAY_BACK_WITHIN_S)
        all_back_s = time.monotonic() - began
        await workload.finish()
        turns = await workload.judge()
    assert any(said.resets for said in interrupted)
    assert all_back_s < RAY_BACK_WITHIN_S
    record_property("new_turn_s", round(took_s, 1))
    with capsys.disabled():
        print(f"\n{process} killed: {turns} turns; new turn after {took_s:.1f} s")  # noqa: T201


async def test_every_turn_passes_three_processes(connected: RunningVareon) -> None:
    """Front door, router and host are three Ray actors, and each turn is counted on both links."""
    bus = LinkBus(connected.settings, "observer", role="client")
    await bus.start()
    assert await bus.wait_connected(5)
    try:
        async with Workload(connected.base_url, connected.admin_token(), people=0) as workload:
            before = await bus.router_status()
            for _ in range(5):
                await workload.probe(time.monotonic())
                after = await bus.router_status()
                assert_passed(before, after)
                before = after
    finally:
        await bus.stop()
    pids = {role: link(after, role)["pid"] for role in ("front_door", "host")}
    pids["router"] = running(connected, "CognisysRouter")
    titles = {role: psutil.Process(pid).cmdline()[0] for role, pid in pids.items()}
    assert len(set(pids.values())) == 3
    assert titles["front_door"].startswith("ray::FrontDoor")
    assert titles["router"].startswith("ray::CognisysRouter")
    assert titles["host"].startswith("ray::EntityHost")
    listening = psutil.Process(pids["router"]).net_connections(kind="unix")
    assert str(connected.settings.router_socket) in {one.laddr for one in listening}


def assert_passed(before: dict[str, Any], after: dict[str, Any]) -> None:
    """One turn was between these two looks at the router."""
    asked = [status["requests"].get("conversation", 0) for status in (before, after)]
    assert asked[1] > asked[0]
    assert after["envelopes"] > before["envelopes"]
    for role in ("front_door", "host"):
        assert link(after, role)["pid"] == link(before, role)["pid"]
        assert link(after, role)["received"] > link(before, role)["received"]
        assert link(after, role)["items_sent"] > link(before, role)["items_sent"]


def link(status: dict[str, Any], role: str) -> dict[str, Any]:
    """The one link of a role."""
    (found,) = [one for one in status["links"] if one["role"] == role]
    return dict(found)
