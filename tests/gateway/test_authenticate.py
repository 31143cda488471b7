"""``machine.authenticate(token)``: a client inside the process, with no more than its token gives."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hyperverse_core import Machine
from hyperverse_core.errors import BadRequest, Forbidden, NotFound, Unauthorized
from hyperverse_core.universe.address.point import HYPERUSER
from patience import PATIENCE

EVE = "hyperspace:users:eve"


async def issued(machine: Machine, **more: Any) -> str:
    await machine.client().exec(f"create? {EVE}<User>; create? localhost<Space>; create? localhost:a<Base>")
    made = await machine.client().ask("GLOBAL::users", "Ext<IssueToken>", {"agent": EVE, **more})
    return str(made["token"])


def owner(machine: Machine) -> str:
    return (machine.data_dir / "token").read_text().strip()


async def test_it_acts_as_the_agent_of_the_token(machine: Machine) -> None:
    token = await issued(machine)
    async with await machine.authenticate(token) as eve:
        assert eve.agent.text == EVE
        assert (await eve.ask("GLOBAL::users", "Ext<WhoAmI>"))["agent"] == EVE
        with pytest.raises((Forbidden, NotFound)):
            await eve.exec("set localhost:a{ +x=1 }")
        assert (await eve.signal("localhost:a", "Ext<X>")).status in (403, 404)
    async with await machine.authenticate(owner(machine)) as hyper:
        await hyper.exec("create localhost:b<Base>")
        points = ["localhost:a", "localhost:b"]
        assert [echo.status for echo in await hyper.ripple(points, "Cmd<Bounce>")] == [200, 200]


async def test_a_scope_of_the_token_bounds_it(machine: Machine) -> None:
    token = await issued(machine)
    await machine.client().exec(f"grant perm +csd-Rwx on localhost:a to {EVE}")
    bounded = await issued(machine, scope="None")
    async with await machine.authenticate(token) as whole, await machine.authenticate(bounded) as less:
        assert (await whole.ping("localhost:a", "Cmd<Read>")).status == 200
        assert (await less.ping("localhost:a", "Cmd<Read>")).status in (403, 404)


async def test_wrong_tokens_are_refused(machine: Machine) -> None:
    for wrong in ("", "x", owner(machine)[:-1], owner(machine) + "x"):
        with pytest.raises(Unauthorized):
            await machine.authenticate(wrong)
    for odd in (None, 5, owner(machine) + "\n", b"x"):
        with pytest.raises(BadRequest):
            await machine.authenticate(odd)  # type: ignore[arg-type]  # on purpose


async def test_it_ends_with_its_token(machine: Machine) -> None:
    token = await issued(machine)
    await machine.client().exec(f"grant perm +csd-Rwx on localhost:a to {EVE}")
    eve = await machine.authenticate(token)
    watch = eve.watch("localhost:a")
    await watch.__aenter__()
    waiting = asyncio.ensure_future(anext(aiter(watch)))
    (known,) = await machine.client().ask("GLOBAL::users", "Ext<Tokens>", {"agent": EVE})
    await machine.client().ask("GLOBAL::users", "Ext<RevokeToken>", {"id": known["id"]})
    async with asyncio.timeout(PATIENCE):
        while (reply := await eve.ping("localhost:a", "Cmd<Bounce>")).status != 401:  # noqa: ASYNC110  # nothing tells of it
            await asyncio.sleep(0.01)  # what was under way when the session ended is 503, outcome unknown
    assert "are no longer valid" in reply.error
    assert (await eve.signal("localhost:a", "Ext<X>")).status == 401
    with pytest.raises(Unauthorized):
        await eve.ripple("localhost:*", "Cmd<Bounce>")
    with pytest.raises(Unauthorized):
        await asyncio.wait_for(waiting, PATIENCE)
    await eve.close()
    await eve.close()


async def test_it_serves_and_watches_at_a_point_of_its_own(machine: Machine) -> None:
    await machine.client().exec("create? localhost<Space>; create? localhost:a<Base>")
    async with await machine.authenticate(owner(machine)) as one:
        one.on_wave(lambda wave: [wave.body, wave.agent.text])
        assert await machine.client().ask(one.surface.point, "Ext<Echo>", 5) == [5, HYPERUSER.text]
        async with one.watch("localhost:a", "Child") as changes:
            await machine.client().exec("create localhost:a:below<Base>")
            change = await asyncio.wait_for(anext(aiter(changes)), PATIENCE)
            assert (change.point.text, change.aspect) == ("localhost:a:below", "Child")
        gone = one.surface.point
    assert (await machine.client().ping(gone, "Ext<Echo>", 5)).status == 404
    assert (await one.ping("localhost:a", "Cmd<Bounce>")).status == 503


async def test_it_ends_with_the_machine(machine: Machine) -> None:
    one = await machine.authenticate(owner(machine))
    await machine.stop()
    assert (await one.ping("localhost:a", "Cmd<Bounce>")).status in (401, 503)
    await one.close()
