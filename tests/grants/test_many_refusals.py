"""What is refused costs about as much as what is allowed, and a Ripple that nobody has asked about keeps nobody."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from types import FrameType
from typing import Any

import pytest

import hyperverse_core
from hyperverse_core import Machine
from hyperverse_core.client.api import ClientApi
from hyperverse_core.contracts.policy import Credentials, Decision, PolicyView, Request, SecurityPolicy
from hyperverse_core.contracts.registry import Change
from hyperverse_core.testing import ManualClock
from hyperverse_core.testing.fixtures import StartMachine
from hyperverse_core.universe.access.access import AccessGrant
from hyperverse_core.universe.address.point import HYPERUSER, Point

USER, STRANGER = "localhost:users:user", "localhost:users:stranger"
OURS = str(hyperverse_core.__path__[0])


async def people(machine: Machine, clock: ManualClock, crowd: int) -> tuple[ClientApi, ClientApi]:
    """A user who may use each particle of a crowd, and a stranger."""
    for text in ("localhost<Space>", "localhost:users<UserBase<Keycloak>>", f"{USER}<User>", f"{STRANGER}<User>"):
        await machine.client().exec(f"create {text}")
    await machine.client().exec("create localhost:crowd<Base>")
    for number in range(crowd):
        await machine.client().exec(f"create localhost:crowd:e{number}<EchoParticle>")
    await machine.client().exec("grant perm +cSd-rwx on +:** to +:**")  # nothing is hidden here
    grant = f"perm +csd-RwX on localhost:crowd:* to {USER} by {HYPERUSER}"
    await machine.registry.grant(AccessGrant.parse(grant))
    await clock.advance(1)
    return machine.client(USER), machine.client(STRANGER)


async def calls_of(act: Callable[[], Awaitable[Any]]) -> int:
    """How many of the platform's own functions are called."""
    calls = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        calls += event == "call" and frame.f_code.co_filename.startswith(OURS)

    sys.setprofile(count)
    try:
        await act()
    finally:
        sys.setprofile(None)
    return calls


async def test_what_is_refused_again_takes_at_most_twice_the_calls_of_what_is_allowed(
    machine: Machine, clock: ManualClock
) -> None:
    user, stranger = await people(machine, clock, 1)

    def pings(client: ClientApi, status: int) -> Callable[[], Awaitable[None]]:
        async def act() -> None:
            for _ in range(100):
                assert (await client.ping("localhost:crowd:e0", "Ext<Hello>")).status == status

        return act

    for client, status in ((user, 200), (stranger, 403)):
        await pings(client, status)()
    allowed, refused = await calls_of(pings(user, 200)), await calls_of(pings(stranger, 403))
    assert refused <= 2 * allowed


async def test_a_ripple_that_all_refuse_takes_at_most_twice_the_calls_of_one_that_all_allow(
    machine: Machine, clock: ManualClock
) -> None:
    user, stranger = await people(machine, clock, 100)

    def ripple(client: ClientApi, status: int) -> Callable[[], Awaitable[None]]:
        async def act() -> None:
            echoes = await client.ripple("localhost:crowd:*", "Ext<Hello>")
            assert [echo.status for echo in echoes] == [status] * 100

        return act

    for client, status in ((user, 200), (stranger, 403)):
        await ripple(client, status)()
    allowed, refused = await calls_of(ripple(user, 200)), await calls_of(ripple(stranger, 403))
    assert refused <= 2 * allowed


async def test_a_refusal_that_is_kept_ends_with_a_grant(machine: Machine, clock: ManualClock) -> None:
    _, stranger = await people(machine, clock, 1)
    for _ in range(3):
        assert (await stranger.ping("localhost:crowd:e0", "Ext<Hello>")).status == 403
        assert (await stranger.signal("localhost:crowd:e0", "Ext<Hello>")).status == 403
    await machine.registry.grant(AccessGrant.parse(f"perm +csd-RwX on localhost:crowd:* to {STRANGER} by {HYPERUSER}"))
    await clock.advance(1)
    assert (await stranger.ping("localhost:crowd:e0", "Ext<Hello>")).status == 200
    assert [echo.status for echo in await stranger.ripple("localhost:crowd:*", "Ext<Hello>")] == [200]


class Crowded(SecurityPolicy):
    """Counts how many are asked about at once."""

    def __init__(self) -> None:
        super().__init__({})
        self.now = self.most = self.asked = 0

    async def open(self, view: PolicyView) -> None: ...

    async def close(self) -> None: ...

    async def authenticate(self, credentials: Credentials) -> Point:
        return HYPERUSER

    async def decide(self, request: Request) -> Decision:
        if request.agent == HYPERUSER:
            return Decision.allow("the hyperuser", rests_on=frozenset())
        self.asked += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(0.1)  # as a look into the registry on a busy computer
        finally:
            self.now -= 1
        return Decision.refuse("no", rests_on=frozenset({request.record.point}))

    async def decide_many(self, requests: Sequence[Request]) -> Sequence[Decision]:
        return [await self.decide(request) for request in requests]

    def changed(self, change: Change) -> None: ...

    def forget(self) -> None: ...


async def test_a_ripple_to_many_asks_the_policy_about_some_at_a_time(start_machine: StartMachine) -> None:
    policy = Crowded()
    machine = await start_machine(policy=policy)
    for text in ("localhost<Space>", "localhost:crowd<Base>"):
        await machine.client().exec(f"create {text}")
    for number in range(400):
        await machine.client().exec(f"create localhost:crowd:e{number}<EchoParticle>")
    await machine.client().ripple("localhost:crowd:*", "Ext<Hello>")
    echoes = await machine.client(STRANGER).ripple("localhost:crowd:*", "Ext<Hello>")
    assert echoes == [], "what is hidden is not named"
    assert policy.asked == 401, "once for each, and whether the parent may be selected"
    assert 100 <= policy.most <= 128


async def test_a_ripple_by_pages_tells_of_no_hidden_recipient_on_any_of_them(
    machine: Machine, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    paged = "hyperverse_core.fabric.delivery.paged_gathering"
    for name in (f"{paged}.WINDOW", "hyperverse_core.fabric.delivery.fan_out.WINDOW"):
        monkeypatch.setattr(name, 20)
    for name in (f"{paged}.PAGE", "hyperverse_core.fabric.caches.selections.PAGE"):
        monkeypatch.setattr(name, 5)
    await machine.client().exec(
        f"create localhost<Space>; create localhost:users<UserBase<Keycloak>>; create {STRANGER}<User>;"
        "create localhost:crowd<Base>;"
        + "".join(f"create localhost:crowd:e{number:02}<EchoParticle>;" for number in range(60))
        + f"grant perm +csd-RwX on localhost:crowd:e55 to {STRANGER}"
    )
    echoes = await machine.client(STRANGER).ripple("localhost:crowd:*", "Ext<Hello>")
    assert [(echo.status, echo.sender.text) for echo in echoes] == [(200, "localhost:crowd:e55")]
