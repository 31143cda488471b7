"""A slow policy: who waits for it is told in time, and at once when the machine stops, that nothing has run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import attrs
import pytest

from hyperverse_core import Driver, KindDef, Machine, Pong, hookimpl
from hyperverse_core.contracts.driver import DriverHost
from hyperverse_core.contracts.policy import Decision, Request
from hyperverse_core.testing import ManualClock
from hyperverse_core.universe.waves.wave import Echo
from hyperverse_grants.policy import GrantsPolicy

BOB = "localhost:users:bob"
LONG = 4.0
"""Seconds that the policy takes: less than it may, and more than most of these waves wait."""
Start = Callable[..., Awaitable[Machine]]


class Slow(GrantsPolicy):
    """The default policy, which can be made to take its time."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        self.about: Callable[[Request], bool] = lambda request: True
        self.asked = 0

    async def decide(self, request: Request) -> Decision:
        if self.seconds and self.about(request):
            self.asked += 1
            await asyncio.sleep(self.seconds)
        return await super().decide(request)


@attrs.define
class World:
    machine: Machine
    policy: Slow

    async def run(self, script: str, *, agent: str = BOB, wait: float = 15.0) -> list[tuple[int, str]]:
        """The status and the outcome of each command."""
        done = await self.machine.client(agent).exec(script, check=False, wait=wait)
        return [(result.status, str(result.receipt.outcome)) for result in done]

    async def value(self) -> int:
        """What the particle of the tests counts."""
        self.policy.seconds = 0.0
        value: int = await self.machine.client().ask("localhost:bobs:w", "Ext<Get>")
        return value


@pytest.fixture
async def world(start_machine: Start, clock: ManualClock) -> AsyncIterator[World]:
    policy = Slow()
    world = World(await start_machine(policy=policy), policy)
    await world.run(
        f"""
        create localhost<Space>; create localhost:users<UserBase<OAuth>>; create {BOB}<User>;
        create localhost:users:ann<User>;
        create localhost:bobs<Base>; create localhost:bobs:w<Worker>; create localhost:bobs:r<Relay>;
        create localhost:cold<Worker>;
        grant perm +cSd-rwx on localhost to {BOB};
        grant perm +CSD-rwx on localhost:bobs to {BOB};
        grant perm +csd-RWX on localhost:bobs:w to {BOB};
        grant perm +csd-RWX on localhost:bobs:r to {BOB};
        grant perm +csd-RWX on localhost:cold to {BOB};
        grant perm +csd-RWX on localhost:bobs:w to localhost:bobs:r
        """,
        agent="hyperspace:users:hyperuser",
    )
    for point in ("localhost:bobs:w", "localhost:bobs:r"):
        (await world.machine.client().ping(point, "Cmd<Bounce>")).unwrap()
    await clock.advance(1)
    policy.seconds = LONG
    with clock.autojump():
        yield world


def known(reply: Pong | Echo) -> tuple[int, str]:
    return reply.status, str(reply.outcome)


@pytest.mark.parametrize("wait", [0.2, 1.0, 3.0])
@pytest.mark.parametrize("retries", [0, 3])
async def test_a_wave_that_still_waits_for_the_policy_when_its_time_is_over_has_not_run(
    world: World, wait: float, retries: int
) -> None:
    reply = await world.machine.client(BOB).ping("localhost:bobs:w", "Ext<Add>", wait=wait, retries=retries)
    assert known(reply) == (408, "rejected")
    assert "has not run" in reply.error
    assert world.policy.asked == 1
    assert await world.value() == 0


async def test_a_wave_that_waits_longer_than_the_policy_takes_is_answered(world: World) -> None:
    assert known(await world.machine.client(BOB).ping("localhost:bobs:w", "Ext<Add>", wait=LONG + 1)) == (200, "ok")


async def test_a_handler_that_does_not_answer_in_time_may_have_run(world: World) -> None:
    world.policy.seconds = 0.5
    reply = await world.machine.client(BOB).ping("localhost:bobs:w", "Ext<Spoil>", {"by": 1, "seconds": 5.0}, wait=1.0)
    assert known(reply) == (408, "unknown")


async def test_who_waits_behind_another_is_told_so_too_and_takes_nothing_from_those_who_wait_longer(
    world: World,
) -> None:
    client = world.machine.client(BOB)
    short = client.ping("localhost:bobs:w", "Ext<Add>", wait=1.0)
    other = client.ping("localhost:bobs:w", "Ext<Add>", wait=2.0)
    long = client.ping("localhost:bobs:w", "Ext<Add>")
    replies = await asyncio.gather(short, other, long)
    assert [known(reply) for reply in replies] == [(408, "rejected"), (408, "rejected"), (200, "ok")]
    assert await world.value() == 1


async def test_a_wave_to_a_particle_that_lives_nowhere_yet_has_not_run(world: World) -> None:
    client = world.machine.client(BOB)
    long = asyncio.ensure_future(client.ping("localhost:cold", "Ext<Add>", wait=60))
    assert known(await client.ping("localhost:cold", "Ext<Add>", wait=1.0)) == (408, "rejected")
    assert known(await long) == (200, "ok")


async def test_a_bounce_and_a_privilege_have_not_run_either(world: World) -> None:
    client = world.machine.client(BOB)
    assert known(await client.ping("localhost:bobs:w", "Cmd<Bounce>", wait=1.0)) == (408, "rejected")
    world.policy.about = lambda request: request.need.privilege != ""
    assert known(await client.ping("localhost:bobs:w", "Ext<Owner>", wait=1.0)) == (408, "rejected")


async def test_a_refusal_that_the_policy_still_has_to_show_or_hide_has_not_run(world: World) -> None:
    world.policy.about = lambda request: request.action == "select"
    client = world.machine.client(BOB)
    assert known(await client.ping("GLOBAL::machine", "Ext<Stop>", wait=1.0)) == (403, "rejected")
    assert known(await client.ping("localhost:users:ann", "Cmd<Read>", wait=1.0)) == (408, "rejected")


@pytest.mark.parametrize(
    "command",
    [
        "create localhost:bobs:new<Base>",
        "get localhost:bobs:w",
        "get localhost:bobs:w{ }",
        "set localhost:bobs:w{+note=b}",
        "set localhost:bobs:*<Worker>{+note=b}",
        "select localhost:bobs:*",
        "delete localhost:bobs:w",
        "delete localhost:bobs:*",
    ],
)
async def test_a_command_that_still_waits_for_the_policy_has_not_run(world: World, command: str) -> None:
    assert await world.run(command, wait=1.0) == [(408, "rejected")]
    assert await world.value() == 0
    (everything,) = await world.machine.client().exec("select localhost:bobs:*")
    assert len(everything.body) == 2


async def test_of_a_script_each_command_tells_what_became_of_it(world: World) -> None:
    world.policy.about = lambda request: request.action == "delete"
    script = "create localhost:bobs:new<Base>; delete localhost:bobs:w"
    assert await world.run(script, wait=1.0) == [(200, "ok"), (408, "rejected")]


async def test_a_wave_of_a_handler_has_not_run_and_the_handler_can_say_so(world: World) -> None:
    world.policy.about = lambda request: request.agent.text == "localhost:bobs:r"
    relay = {"to": "localhost:bobs:w", "method": "Ext<Add>"}
    told = await world.machine.client(BOB).ask("localhost:bobs:r", "Ext<Relay>", relay, wait=1.0)
    assert (told["status"], told["outcome"]) == (408, "rejected")


async def test_a_wave_that_came_from_another_machine_has_not_run(
    world: World, start_machine: Start, machine_config: Any
) -> None:
    policy = Slow()
    other = await start_machine(config=attrs.evolve(machine_config, name="other"), policy=policy)
    await asyncio.sleep(2.0)
    reply = await other.client(BOB).ping("localhost:bobs:w", "Ext<Add>", wait=1.0)
    assert known(reply) == (408, "rejected")
    assert await world.value() == 0


async def stopping(world: World, *callers: Any) -> list[Any]:
    """What the callers get when the machine stops while they wait; the seconds until each was told are the last."""
    loop = asyncio.get_running_loop()
    ends: list[float] = []
    tasks = [asyncio.ensure_future(caller) for caller in callers]
    for task in tasks:
        task.add_done_callback(lambda task: ends.append(loop.time()))
    await asyncio.sleep(1.0)
    assert not ends
    begun = loop.time()
    await world.machine.stop()
    return [*await asyncio.gather(*tasks), max(ends) - begun]


async def test_who_waits_for_the_policy_when_the_machine_stops_is_told_at_once_that_nothing_has_run(
    world: World,
) -> None:
    client = world.machine.client(BOB)
    *told, seconds = await stopping(
        world,
        client.ping("localhost:bobs:w", "Ext<Add>"),
        client.ping("localhost:bobs:w", "Ext<Add>"),
        client.ping("localhost:cold", "Ext<Add>"),
        client.signal("localhost:bobs:w", "Ext<Add>"),
    )
    assert [known(reply) for reply in told] == [(503, "rejected")] * 4
    assert all("stopping" in reply.error for reply in told)
    assert seconds == 0.0


@pytest.mark.parametrize(
    "command",
    [
        "create localhost:bobs:new<Base>",
        "get localhost:bobs:w",
        "set localhost:bobs:w{+note=b}",
        "select localhost:bobs:*",
        "delete localhost:bobs:w",
    ],
)
async def test_whose_command_waits_when_the_machine_stops_is_told_at_once(world: World, command: str) -> None:
    told, seconds = await stopping(world, world.run(command))
    assert told == [(503, "rejected")]
    assert seconds == 0.0


class Words(Driver):
    """Sends a wave when it stops, and when it is told to."""

    kind = KindDef("Words", doc="for tests")
    made: list[Words] = []

    async def start(self, host: DriverHost) -> None:
        self.host = host
        self.replies: list[Pong] = []
        self.made.append(self)

    async def stop(self) -> None:
        self.replies.append(await self.host.ping("GLOBAL::machine", "Ext<Status>"))


class SendsWords:
    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        register(Words)


async def test_a_driver_that_stops_still_sends_waves_that_need_the_policy(
    start_machine: Start, clock: ManualClock
) -> None:
    policy = Slow()
    machine = await start_machine(policy=policy, plugins=[SendsWords()])
    policy.seconds = 1.0
    with clock.autojump():
        await machine.stop()
    assert policy.asked
    assert [reply.status for reply in Words.made[-1].replies] == [403]


async def test_who_waits_on_another_machine_is_told_before_the_lanes_close(
    world: World, start_machine: Start, machine_config: Any
) -> None:
    config = attrs.evolve(machine_config, name="other")
    await start_machine(config=config, policy=GrantsPolicy(), plugins=[SendsWords()])
    await asyncio.sleep(2.0)
    star = str(world.machine.parts.home.point)
    (reply, seconds) = await stopping(world, Words.made[-1].host.ping(star, "Ext<Get>", wait=60))
    assert known(reply) == (503, "rejected")
    assert seconds < LONG - 1.0


async def test_a_handler_that_may_finish_still_sends_waves_that_need_the_policy(world: World) -> None:
    world.policy.seconds, world.policy.about = 2.0, lambda request: request.agent.text == "localhost:bobs:r"
    relay = {"to": "localhost:bobs:w", "method": "Ext<Add>"}
    told, seconds = await stopping(world, world.machine.client(BOB).ask("localhost:bobs:r", "Ext<Relay>", relay))
    assert (told["status"], told["body"]) == (200, 1)
    assert seconds == 1.0
