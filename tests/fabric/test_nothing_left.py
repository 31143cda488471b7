"""What a machine keeps of what has ended: nothing, neither while it runs nor after it has stopped."""

from __future__ import annotations

import asyncio
import gc
import random
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import attrs
import pytest

from fabric.kinds import FabricKinds
from hyperverse_core import Config, Machine, Point
from hyperverse_core.contracts.policy import Decision, Request
from hyperverse_core.fabric.forked_children import OwnFiles
from hyperverse_core.lanes.local.transport import LocalTransport
from hyperverse_core.registry import Registry
from hyperverse_core.testing import ManualClock
from hyperverse_core.testing.faulty_lane import FaultyHub
from hyperverse_core.transport import Peer
from hyperverse_grants.policy import GrantsPolicy

MACHINE = "GLOBAL::machine"
UnderWay = Callable[[Machine], Awaitable[Any]]


class Silent(GrantsPolicy):
    """The default policy, which does not answer a question of Bob."""

    async def decide(self, request: Request) -> Decision:
        if request.agent.text == "localhost:users:bob":
            await asyncio.Event().wait()
        return await super().decide(request)


async def a_question_to_the_policy(machine: Machine) -> None:
    """Of two who wait for the same answer the first has given up, so that the policy is asked once more."""
    (await machine.client().ping("localhost:w", "Cmd<Bounce>")).unwrap()
    bob = machine.client("localhost:users:bob")
    waves = [asyncio.ensure_future(bob.ping("localhost:w", "Ext<Get>", wait=wait)) for wait in (1.0, 4.0)]
    assert (await waves[0]).status == 408


async def a_drain(machine: Machine) -> None:
    client = machine.client()
    working = asyncio.create_task(client.ping("localhost:w", "Ext<Work>", {"seconds": 1e6}, wait=1e7), name="ours")
    assert (await client.ping(MACHINE, "Ext<Drain>", wait=0.5)).status == 408
    assert not working.done()


async def a_key_that_ends_later(machine: Machine) -> None:
    await machine.client().ask(MACHINE, "Ext<RotateMachineKey>", {"keep": 1e6}, wait=60.0)


UNDER_WAY = {
    "a question to the policy": a_question_to_the_policy,
    "a drain": a_drain,
    "a key that ends later": a_key_that_ends_later,
}


@pytest.mark.parametrize("under_way", UNDER_WAY.values(), ids=UNDER_WAY)
async def test_a_machine_that_has_stopped_leaves_no_task_and_can_be_collected(
    clock: ManualClock, machine_config: Config, machine_registry: Registry, under_way: UnderWay
) -> None:
    before, files = asyncio.all_tasks(), sum(type(one) is OwnFiles for one in gc.get_objects())
    with clock.autojump():
        machine = Machine(
            machine_config,
            plugins=[FabricKinds()],
            registry=machine_registry,
            transport=LocalTransport(),
            policy=Silent(),
        )
        async with machine:
            await machine.client().exec("create localhost<Space>; create localhost:w<Worker>")
            await under_way(machine)
        left = {task.get_name(): task for task in asyncio.all_tasks() - before if not task.done()}
        ours = left.pop("ours", None)
        assert left == {}
        if ours is not None:
            ours.cancel()
            await asyncio.wait([ours])
            del ours
    gate = weakref.ref(machine.parts.gate)
    del machine
    gc.collect()
    assert gate() is None
    assert sum(type(one) is OwnFiles for one in gc.get_objects()) <= files


@pytest.fixture
async def pair(clock: ManualClock, machine_config: Config, machine_registry: Registry) -> AsyncIterator[Pair]:
    """Machines of one Hyperverse that know each other."""
    hub = FaultyHub(random.Random(1))
    with clock.autojump():
        async with AsyncExitStack() as stack:
            machines = [
                await stack.enter_async_context(
                    Machine(
                        attrs.evolve(machine_config, name=name),
                        plugins=[FabricKinds()],
                        registry=machine_registry,
                        transport=hub.transport(name),
                    )
                )
                for name in ("one", "other")
            ]
            pair = Pair(*machines, hub)
            await pair.until_up()
            yield pair


@attrs.define
class Pair:
    one: Machine
    other: Machine
    hub: FaultyHub

    async def until_up(self) -> None:
        """Returns when the lanes between the machines are up."""
        while any(  # noqa: ASYNC110  # nothing tells of it, and the time is virtual
            [lane["state"] for lane in machine.status()["lanes"]] != ["up"] for machine in (self.one, self.other)
        ):
            await asyncio.sleep(0.1)


def kept(what: Callable[[Any], bool]) -> int:
    """How often something is an item of a dict, a set, a list or a tuple that is alive."""
    gc.collect()
    found = 0
    for one in gc.get_objects():
        if type(one) in (dict, set, list, tuple):
            found += sum(bool(what(item)) for item in list(one))
    return found


async def test_connections_that_have_ended_are_forgotten(pair: Pair) -> None:
    def connections() -> int:
        return kept(lambda item: type(item) is Peer)

    await asyncio.sleep(10.0)
    before = connections()
    for _ in range(20):
        assert pair.hub.disconnect("one", "other") == 2
        await asyncio.sleep(1.0)
        await pair.until_up()
    await asyncio.sleep(10.0)
    assert connections() <= before + 10


async def test_connections_on_which_nobody_answers_the_greeting_in_time_are_ended_and_forgotten(pair: Pair) -> None:
    def connections() -> int:
        return kept(lambda item: type(item) is Peer)

    await asyncio.sleep(10.0)
    before = connections()
    for _ in range(20):
        pair.hub.set_delay("one", "other", 1.0, 2.2)  # some connect, and have no time left for the greeting
        pair.hub.disconnect("one", "other")
        await asyncio.sleep(30.0)
        pair.hub.set_delay("one", "other", 0.0, 0.0)
        await pair.until_up()
    await asyncio.sleep(20.0)
    assert connections() <= before + 4


async def test_a_lane_that_was_to_replace_another_ends_when_the_machine_leaves(pair: Pair) -> None:
    def lanes() -> list[str]:
        return [task.get_name() for task in asyncio.all_tasks() if task.get_name() == "lane to other"]

    rotating = asyncio.ensure_future(pair.one.client().ask(MACHINE, "Ext<RotateMachineKey>", {"keep": 60.0}, wait=60))
    await asyncio.sleep(0.5)
    pair.hub.set_delay("one", "other", 10.0, 10.0)  # so that the new lane does not come up
    await rotating
    assert lanes() == ["lane to other"]
    await pair.other.stop()
    await asyncio.sleep(20.0)
    assert lanes() == []


async def test_a_trace_that_a_machine_records_for_another_ends_when_it_stops(pair: Pair) -> None:
    body = {"to": "GLOBAL::machine", "method": "Cmd<Bounce>", "linger": 5.0}
    tracing = asyncio.ensure_future(pair.one.client().ask(MACHINE, "Ext<Trace>", body))
    await asyncio.sleep(1.0)
    assert pair.other.parts.interceptors.handlers is not None
    await pair.other.stop()
    assert pair.other.parts.interceptors.handlers is None
    await tracing


async def test_watches_that_have_ended_are_forgotten(clock: ManualClock, machine: Machine, world: Any) -> None:
    def watchers() -> int:
        return kept(lambda item: type(item) is Point and ":clients:client-" in item.text)

    await world("w<Worker>")
    with clock.autojump():
        for count in range(100):
            if count == 1:
                await asyncio.sleep(20.0)
                before = watchers()
            async with machine.client() as client, client.watch("localhost:w", "State", "Log"):
                pass
        await asyncio.sleep(20.0)
        async with machine.client() as client, client.watch("localhost:w", "State", "Log"):
            await asyncio.sleep(20.0)
    assert watchers() <= before + 10
