"""A policy that raises, hangs or answers nonsense is bounded, and named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest

from fabric.gate_world import (
    ALICE,
    BOB,
    ELSEWHERE,
    HOME,
    MACHINE,
    TIMEOUT,
    Asked,
    by_owner,
    make,
    particle,
    ping,
)
from hyperverse_core.contracts.policy import (
    Credentials,
    Decision,
    Need,
    Request,
)
from hyperverse_core.contracts.registry import Change
from hyperverse_core.errors import BadRequest, NotHostedHere, Unauthorized, Unavailable
from hyperverse_core.testing import ManualClock
from hyperverse_core.universe.address.point import HYPERUSER, Point


class Broken(Asked):
    """A policy that is broken in some way."""

    def __init__(self, way: Callable[[], Any]) -> None:
        super().__init__()
        self.way = way

    async def decide(self, request: Request) -> Decision:
        self.asked.append(request)
        return cast(Decision, await self.way())


async def hang() -> None:
    await asyncio.Event().wait()


def raising(error: BaseException) -> Callable[[], Any]:
    async def way() -> None:
        raise error

    return way


def giving(value: object) -> Callable[[], Any]:
    async def way() -> object:
        return value

    return way


def later(way: Callable[[], Any]) -> Callable[[], Any]:
    """As ``way``, after a turn of the event loop."""

    async def after_a_turn() -> object:
        await asyncio.sleep(0)
        return await way()

    return after_a_turn


class NoCoroutine:
    """What can be awaited, and is no coroutine."""

    def __init__(self, decision: Decision) -> None:
        self._decision = decision

    def __await__(self) -> Any:
        yield from asyncio.sleep(0).__await__()
        return self._decision


async def test_a_policy_may_give_anything_that_can_be_awaited() -> None:
    class Other(Asked):
        def decide(self, request: Request) -> Any:  # type: ignore[override]  # that is what is odd about it
            self.asked.append(request)
            return NoCoroutine(by_owner(request))

    world = make(policy=Other())
    home = particle()
    for _ in range(2):
        assert (await world.status(ALICE, home), await world.status(BOB, home)) == (200, 403)
    assert world.asked == 2


async def test_whoever_asks_while_the_policy_waits_goes_on_behind_those_who_asked_before() -> None:
    world = make()
    home = particle()
    order: list[int] = []
    world.policy.pause = asyncio.Event()

    async def go(number: int) -> None:
        await world.status(ALICE, home)
        order.append(number)

    tasks = [asyncio.create_task(go(number)) for number in range(3)]
    await asyncio.sleep(0)
    world.policy.pause.set()
    await asyncio.sleep(0)
    world.policy.pause = None  # from now on it answers without waiting
    tasks += [asyncio.create_task(go(number)) for number in range(3, 6)]
    await asyncio.gather(*tasks)
    assert order == list(range(6))
    assert world.asked == 1


BROKEN = {
    "hangs": hang,
    "raises": raising(ValueError("a secret")),
    "raises TimeoutError": raising(TimeoutError()),
    "raises RecursionError": raising(RecursionError()),
    "exits": raising(SystemExit(1)),
    "is cancelled by itself": raising(asyncio.CancelledError()),
    "sends the wave elsewhere": raising(NotHostedHere("elsewhere")),
    "gives nothing": giving(None),
    "gives true": giving(True),
    "is not asynchronous": lambda: Decision.allow("yes"),
    "allows with 1": giving(Decision(cast(bool, 1))),
    "rests on texts": giving(Decision(True, rests_on=cast("frozenset[Point]", frozenset({"localhost"})))),
    "rests on a list": giving(Decision(True, rests_on=cast("frozenset[Point]", [HOME]))),
    "raises later": later(raising(ValueError("a secret"))),
    "exits later": later(raising(SystemExit(1))),
    "is cancelled by itself later": later(raising(asyncio.CancelledError())),
    "sends the wave elsewhere later": later(raising(NotHostedHere("elsewhere"))),
    "gives nothing later": later(giving(None)),
    "refuses with 200": giving(Decision(False, "no", status=200)),
    "gives no reason but a number": giving(Decision(False, cast(str, 7))),
}


@pytest.mark.parametrize("way", BROKEN.values(), ids=BROKEN)
async def test_a_broken_policy_is_503_and_logged_with_its_name(
    way: Callable[[], Any], clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    world = make(policy=Broken(way))
    home = particle()
    with clock.autojump():
        for _ in range(2):
            with pytest.raises(Unavailable) as caught:
                await world.gate.authorise(home, ping(ALICE, home))
            assert "'asked'" in caught.value.message
            assert "secret" not in str(caught.value)
            assert caught.value.retry_after
    assert home.allowed == {}
    assert world.asked == 2, "a failure is not kept"
    assert any("'asked'" in record.message for record in caplog.records if record.levelname == "ERROR")
    assert world.denied == []


async def test_a_policy_that_hangs_is_cut_off_after_the_time_limit(clock: ManualClock) -> None:
    world = make(policy=Broken(hang))
    began = asyncio.get_running_loop().time()
    with clock.autojump(), pytest.raises(Unavailable, match="within 5 s"):
        await world.gate.authorise(particle(), ping(ALICE, particle()))
    assert asyncio.get_running_loop().time() - began == pytest.approx(TIMEOUT)


async def test_a_caller_that_is_cancelled_is_no_failure_of_the_policy(caplog: pytest.LogCaptureFixture) -> None:
    world = make(policy=Broken(hang))
    task = asyncio.create_task(world.status(ALICE, particle()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert caplog.records == []


async def test_a_broken_policy_does_not_flood_the_log(caplog: pytest.LogCaptureFixture, clock: ManualClock) -> None:
    world = make(policy=Broken(raising(ValueError())))
    for _ in range(1000):
        assert await world.status(ALICE, particle()) == 503
    assert len(caplog.records) == 1
    await clock.advance(2)
    await world.status(ALICE, particle())
    assert "999 more failures" in caplog.records[-1].message


async def test_errors_of_the_platform_go_to_the_caller_as_they_are() -> None:
    world = make(policy=Broken(raising(BadRequest("the registry is old", hint="upgrade it"))))
    with pytest.raises(BadRequest, match="the registry is old"):
        await world.gate.authorise(particle(), ping(ALICE, particle()))


async def test_the_hyperuser_may_stop_a_machine_whose_policy_is_broken(clock: ManualClock) -> None:
    for way in (hang, raising(ValueError()), raising(Unavailable("no registry"))):
        world = make(policy=Broken(way))
        machine = particle(MACHINE, HYPERUSER)
        with clock.autojump():
            assert await world.status(HYPERUSER, machine, "Ext<Stop>") == 200
            assert await world.status(HYPERUSER, machine, "Ext<Drain>") == 503
            assert await world.status(ALICE, machine, "Ext<Stop>") == 503
            assert await world.status(HYPERUSER, particle(), "Ext<Stop>") == 503
        assert machine.allowed == {}


async def test_a_policy_that_refuses_the_hyperuser_is_not_overruled() -> None:
    world = make(lambda request: Decision.refuse("not today"))
    assert await world.status(HYPERUSER, particle(MACHINE, HYPERUSER), "Ext<Stop>") == 403


async def test_a_policy_that_cannot_take_in_a_change_loses_all_its_answers(caplog: pytest.LogCaptureFixture) -> None:
    class Deaf(Asked):
        def changed(self, change: Change) -> None:
            raise KeyError(change.point)

    world = make(policy=Deaf())
    home = particle()
    await world.status(ALICE, home)
    world.change(ELSEWHERE)
    assert home.allowed == {}
    assert world.policy.forgotten == 1
    assert "'asked' could not handle a change" in caplog.text


async def test_who_somebody_is_has_the_same_limits(clock: ManualClock) -> None:
    class Confused(Asked):
        async def authenticate(self, credentials: Credentials) -> Point:
            if credentials.token == "hang":
                await hang()
            return cast(Point, "alice")

    world = make(policy=Confused())
    with clock.autojump():
        for token in ("hang", "any"):
            with pytest.raises(Unavailable, match="'asked'"):
                await world.gate.answers.identify(Credentials(token))
    assert (await make().gate.answers.identify(Credentials("any"))).agent == ALICE
    with pytest.raises(Unauthorized):
        await make().gate.answers.identify(Credentials())
    with pytest.raises(Unauthorized):
        await make().gate.answers.authenticate_machine("beta", Credentials("any"))


async def test_many_answers_have_the_same_limits() -> None:
    class Short(Asked):
        async def decide_many(self, requests: Sequence[Request]) -> Sequence[Decision]:
            return [Decision.allow("yes")]

    world = make(policy=Short())
    requests = [Request(agent, "select", Need("s"), particle().record) for agent in (ALICE, BOB)]
    with pytest.raises(Unavailable, match="not return a list of 2 decisions"):
        await world.gate.answers.decide_many(requests)
