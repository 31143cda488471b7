"""The gate of a running machine: what it keeps, whom it tells, and what a broken policy can do to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import attrs
import pytest

from hyperverse_core import Machine, Observer, Point
from hyperverse_core.config import Choice, Config
from hyperverse_core.contracts.policy import Credentials, Decision, HoldsFor, Request
from hyperverse_core.errors import ConfigError, Unavailable
from hyperverse_core.testing import ManualClock
from hyperverse_core.universe.access.access import AccessGrant
from hyperverse_core.universe.address.point import HYPERUSER
from hyperverse_grants.policy import GrantsPolicy

BOB = "localhost:users:bob"
START = Callable[..., Awaitable[Machine]]
BREAKS = {
    "raises": lambda: _raise(ValueError("oops")),
    "exits": lambda: _raise(SystemExit(3)),
    "hangs": lambda: asyncio.Event().wait(),
    "gives nonsense": lambda: asyncio.sleep(0, "yes"),
}


async def _raise(error: BaseException) -> None:
    raise error


class Watched(GrantsPolicy):
    """The default policy; it counts the questions, and breaks when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Request] = []
        self.breaks: Callable[[], Awaitable[object]] | None = None

    async def decide(self, request: Request) -> Decision:
        self.asked.append(request)
        if self.breaks is not None:
            return await self.breaks()  # type: ignore[return-value]  # that is what is wrong with it
        return await super().decide(request)


class Eye(Observer):
    """Notes what was refused."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, str]] = []

    def access_denied(self, agent: Point, target: Point, method: str, reason: str) -> None:
        self.seen.append((agent.text, target.text, method))


@attrs.define
class World:
    machine: Machine
    policy: Watched
    eye: Eye

    async def run(self, *commands: str, agent: str | None = None) -> list[int]:
        client = self.machine.client() if agent is None else self.machine.client(agent)
        return [result.status for command in commands for result in await client.exec(command, check=False)]


@pytest.fixture
async def world(start_machine: START, clock: ManualClock) -> AsyncIterator[World]:
    policy, eye = Watched(), Eye()
    machine = await start_machine(policy=policy)
    machine.parts.interceptors.add(eye)
    world = World(machine, policy, eye)
    await world.run(
        "create localhost<Space>", "create localhost:hits<EchoParticle>", "create localhost:users<UserBase<Keycloak>>"
    )
    await world.run(f"create {BOB}<User>", f"grant perm +cSd-rwx on ROOT to {BOB}")
    await clock.advance(1)
    yield world


@pytest.mark.parametrize(
    ("command", "action", "target"),
    [
        ("create localhost:x<Base>", "create", "localhost"),
        ("create! localhost:hits<EchoParticle>", "create", "localhost"),
        ("delete localhost:hits", "delete", "localhost"),
        ("select localhost:*", "select", "localhost"),
        ("get localhost:hits", "get", "localhost:hits"),
        ("get localhost:hits{}", "get", "localhost:hits"),
        ("set localhost:hits{+a=b}", "set", "localhost:hits"),
        ("ping localhost:hits Ext<Hello>", "Ext<Hello>", "localhost:hits"),
    ],
)
async def test_a_refused_command_reaches_the_observers_and_the_log_as_a_refused_wave_does(
    world: World, command: str, action: str, target: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hyperverse.security")
    for _ in range(2):  # the second time from memory
        world.eye.seen.clear()
        assert await world.run(command, agent=BOB) == [403 if target == "localhost" and action != "delete" else 404]
        agent, where, what = world.eye.seen[0]
        assert (where, what) == (target, action)
        assert len(world.eye.seen) == 1
        assert agent == BOB
        assert caplog.records[-1].message.startswith(f"denied: {agent} {action} {target}: ")


async def test_a_select_leaves_out_what_it_may_not_show_and_tells_nobody(world: World) -> None:
    await world.machine.registry.grant(
        AccessGrant.parse(f"perm +cSd-rwx on localhost:users to {BOB} by hyperspace:users:hyperuser")
    )
    await world.run("create localhost:users:ann<User>")
    assert await world.run("select localhost:**", agent=BOB) == [200]
    assert world.eye.seen == []


async def test_two_hundred_pings_after_an_unrelated_delete_ask_the_policy_nothing(
    world: World, clock: ManualClock
) -> None:
    points = [f"localhost:k{number}" for number in range(200)]
    client = world.machine.client()
    await world.run(*(f"create {point}<EchoParticle>" for point in points), "create localhost:other<EchoParticle>")
    for point in points:
        await client.ask(point, "Ext<Hello>")
    await clock.advance(1)
    world.policy.asked.clear()
    await world.run("delete localhost:other", "create localhost:another<EchoParticle>")
    await clock.advance(1)
    world.policy.asked.clear()
    for point in points:
        await client.ask(point, "Ext<Hello>")
    assert world.policy.asked == []


async def test_two_hundred_refusals_after_an_unrelated_delete_ask_the_policy_nothing(
    world: World, clock: ManualClock
) -> None:
    await world.run("create localhost:other<EchoParticle>")
    bob = world.machine.client(BOB)
    assert (await bob.ping("localhost:hits", "Ext<Hello>")).status == 404
    await world.run("delete localhost:other")
    await clock.advance(1)
    world.policy.asked.clear()
    for _ in range(200):
        assert (await bob.ping("localhost:hits", "Ext<Hello>")).status == 404
    assert world.policy.asked == []


async def test_somebody_who_was_refused_and_then_registered_is_asked_about_again(
    world: World, clock: ManualClock
) -> None:
    ann = "localhost:users:ann"
    grant = f"perm +csd-rwX on localhost:hits to localhost:users:**<User> by {BOB}"
    await world.machine.registry.chown([Point.parse("localhost:hits")], Point.parse(BOB))
    await world.machine.registry.grant(AccessGrant.parse(grant))
    await clock.advance(1)
    assert (await world.machine.client(ann).ping("localhost:hits", "Ext<Hello>")).status == 404
    await world.run(f"create {ann}<User>")
    await clock.advance(1)
    assert (await world.machine.client(ann).ping("localhost:hits", "Ext<Hello>")).status == 200


class ReadsNothing(GrantsPolicy):
    """Refuses everybody but the hyperuser the method Cmd<Read>, by its name."""

    async def decide(self, request: Request) -> Decision:
        found = await super().decide(request)
        if request.agent != HYPERUSER and request.action == "Cmd<Read>":
            return Decision.refuse("nobody reads", rests_on=found.rests_on, holds_for=HoldsFor.ACTION)
        return attrs.evolve(found, holds_for=HoldsFor.ACTION)

    async def decide_many(self, requests: Sequence[Request]) -> Sequence[Decision]:
        return [await self.decide(request) for request in requests]


async def test_get_hands_out_no_state_that_a_wave_is_refused(start_machine: START) -> None:
    machine = await start_machine(policy=ReadsNothing())
    await machine.client().exec(
        f"create? localhost<Space>; create? localhost:users<UserBase<OAuth>>; create {BOB}<User>;"
        f"create localhost:c<EchoParticle>; grant perm +cSd-Rwx on localhost to {BOB};"
        f"grant perm +CSD-RWX on localhost:c to {BOB}"
    )
    bob = machine.client(BOB)
    assert (await bob.ping("localhost:c", "Cmd<Read>")).status == 403
    (state,) = await bob.exec("get localhost:c", check=False)
    (properties,) = await bob.exec("get localhost:c{ }", check=False)
    assert (state.status, properties.status) == (403, 200)
    (state,) = await machine.client().exec("get localhost:c", check=False)
    assert state.status == 200


@pytest.mark.parametrize("breaks", BREAKS.values(), ids=BREAKS)
async def test_a_broken_policy_rejects_with_503_and_its_name_and_the_machine_can_be_stopped(
    world: World, breaks: Callable[[], Awaitable[object]], clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    client, bob = world.machine.client(), world.machine.client(BOB)
    world.policy.breaks = breaks
    with clock.autojump():
        reply = await bob.ping("localhost:hits", "Ext<Hello>", wait=60)
        assert (reply.status, str(reply.outcome)) == (503, "rejected")
        assert "'Watched'" in reply.error
        assert await world.run("create localhost:x<Base>", "get localhost:hits", agent=BOB) == [503, 503]
        assert "'Watched'" in caplog.text
        await client.stop()
        await asyncio.wait_for(world.machine.wait_stopped(), 1)


async def test_who_comes_in_is_asked_within_the_same_time(world: World, clock: ManualClock) -> None:
    async def hang(credentials: Credentials) -> Point:
        await asyncio.Event().wait()
        return Point.parse(BOB)

    world.policy.authenticate = hang  # type: ignore[method-assign]  # a policy that hangs
    with clock.autojump(), pytest.raises(Unavailable, match="within 5 s"):
        await world.machine.parts.gate.answers.identify(Credentials("any"))


async def test_the_time_limit_is_a_setting(start_machine: START, machine_config: Config, clock: ManualClock) -> None:
    policy = Watched()
    security = Choice("grants", {"timeout": 2})
    machine = await start_machine(policy=policy, config=attrs.evolve(machine_config, security=security))
    policy.breaks = BREAKS["hangs"]
    with clock.autojump():
        reply = await machine.client(BOB).ping("GLOBAL::machine", "Ext<Status>", wait=60)
    assert (reply.status, "within 2 s" in reply.error) == (503, True)


@pytest.mark.parametrize("timeout", [0, -1, "5", True, float("inf"), float("nan")])
async def test_a_time_limit_that_makes_no_sense_is_a_fault_of_the_config(
    start_machine: START, machine_config: Config, timeout: object
) -> None:
    security = Choice("grants", {"timeout": timeout})
    with pytest.raises(ConfigError, match=r"security\.timeout"):
        await start_machine(config=attrs.evolve(machine_config, security=security))
