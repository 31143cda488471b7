"""Callers in the process of a machine that stops are answered when it has stopped, not when their handlers end."""

from __future__ import annotations

import asyncio

import pytest

from fabric.conftest import World
from hyperverse_core import Machine, Outcome, Pong

HANDLED = 1000.0
"""Seconds that the handler takes, of the virtual clock."""


async def stopped(machine: Machine, asking: asyncio.Task[Pong]) -> Pong:
    """Stops the machine when the handler has begun. Returns the reply that the caller has by then."""
    await asyncio.sleep(1.0)
    assert not asking.done()
    await machine.stop()
    await asyncio.sleep(1.0)
    assert asking.done(), "the caller still waits for a machine that is no more"
    return asking.result()


async def test_a_client_in_the_process_is_answered(machine: Machine, world: World) -> None:
    await world("busy<Crowd>")
    body = {"seconds": HANDLED}
    asking = asyncio.create_task(machine.client().ping("localhost:busy", "Ext<Work>", body, wait=2 * HANDLED))
    reply = await stopped(machine, asking)
    assert (reply.status, reply.outcome) == (503, Outcome.UNKNOWN)
    assert reply.error == "the machine stopped before 'localhost:busy' answered Ext<Work>"


async def test_the_handler_of_a_caller_that_waits_for_another_ends_too(machine: Machine, world: World) -> None:
    """Both wait in one task, with a deadline each: the answer is that of the first."""
    await world("busy<Crowd>", "relay<Relay>")
    body = {"to": "localhost:busy", "method": "Ext<Work>", "body": {"seconds": HANDLED}, "wait": 1.5 * HANDLED}
    asking = asyncio.create_task(machine.client().ping("localhost:relay", "Ext<Relay>", body, wait=2 * HANDLED))
    reply = await stopped(machine, asking)
    assert (reply.status, reply.outcome) == (503, Outcome.UNKNOWN)
    assert "'localhost:relay'" in reply.error


async def test_a_task_that_is_not_cancelled_by_it_goes_on(machine: Machine, world: World) -> None:
    """The cancellation ends where the wave was sent."""
    await world("busy<Crowd>")

    async def caller() -> str:
        body = {"seconds": HANDLED}
        await machine.client().ping("localhost:busy", "Ext<Work>", body, wait=2 * HANDLED)
        await asyncio.sleep(0.5)
        return "went on"

    asking = asyncio.create_task(caller())
    await asyncio.sleep(1.0)
    await machine.stop()
    assert await asking == "went on"


@pytest.mark.parametrize("wait", [HANDLED / 2, 0.3])
async def test_a_deadline_that_passes_while_the_machine_runs_says_so(
    machine: Machine, world: World, wait: float
) -> None:
    await world("busy<Crowd>")
    reply = await machine.client().ping("localhost:busy", "Ext<Work>", {"seconds": HANDLED}, wait=wait)
    assert (reply.status, reply.outcome) == (408, Outcome.UNKNOWN)
