"""What `Ext<Figures>` counts while particles move and machines are drained."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import attrs
import pytest

from hyperverse_core.testing.fixtures import StartMachine
from tills import MACHINE, Tills, figures


@pytest.fixture
def machine_plugins() -> Sequence[object]:
    return (Tills(),)


async def test_no_wave_is_counted_twice_or_lost_when_particles_move_and_machines_drain(
    start_machine: StartMachine, machine_config: Any
) -> None:
    one, _ = [await start_machine(config=attrs.evolve(machine_config, name=name)) for name in ("one", "other")]
    await asyncio.sleep(1.0)
    client = one.client()
    await client.exec("create localhost<Space>; create localhost:top<Base>")
    points = [f"localhost:top:t{number}" for number in range(6)]
    for point in points:
        await client.exec(f"create {point}<Till>")
        await client.ask(point, "Ext<Sell>")
    before = {name: told["waves"] for name, told in (await figures(one)).items()}
    answers: list[int] = []

    async def sells(point: str) -> None:
        for _ in range(40):
            answers.append((await client.ping(point, "Ext<Sell>")).status)
            await asyncio.sleep(0.05)

    selling = [asyncio.ensure_future(sells(point)) for point in points]
    stars = [row["star"] for row in await client.ask(MACHINE, "Ext<Stars>") if "Till" in row["kinds"]]
    for number, point in enumerate(points * 2):
        await client.ping(MACHINE, "Ext<Move>", {"point": point, "star": stars[number * 5 % len(stars)]})
    assert (await client.ping(MACHINE, "Ext<Drain>", {"machine": "other"})).status == 200
    await asyncio.gather(*selling)
    assert set(answers) == {200}
    told = await figures(one)
    waves = {name: told[name]["waves"] - before[name] for name in told}
    assert sum(waves.values()) == len(answers) and min(waves.values()) > 0
    kinds = {row["kind"] for machine in told.values() for row in machine["methods"]}
    assert kinds == {"Till"}, "each wave is counted under the Kind of its particle, also when that is leaving"


async def test_waves_are_counted_at_the_star_to_which_their_particle_has_moved(
    start_machine: StartMachine, machine_config: Any
) -> None:
    machine = await start_machine(config=attrs.evolve(machine_config, name="one"))
    client = machine.client()
    await client.exec("create localhost<Space>; create localhost:t<Till>")
    await figures(machine)
    reply = await client.ping("localhost:t", "Ext<Sell>")
    stars = [row["star"] for row in await client.ask(MACHINE, "Ext<Stars>") if "Till" in row["kinds"]]
    to = next(star for star in stars if star != reply.star)
    (await client.ping(MACHINE, "Ext<Move>", {"point": "localhost:t", "star": to})).unwrap()
    for _ in range(3):
        assert (await client.ping("localhost:t", "Ext<Sell>")).star == to
    counted = {star: count for _, star, count in (await figures(machine))["one"]["pairs"] if star}
    assert counted == {reply.star: 1, to: 3}


async def test_the_history_has_an_entry_for_each_step(start_machine: StartMachine, machine_config: Any) -> None:
    machine = await start_machine(config=attrs.evolve(machine_config, name="one"))
    client = machine.client()
    await client.exec("create localhost<Space>; create localhost:t<Till>")
    await client.ask("localhost:t", "Ext<Sell>")
    step = (await figures(machine))["one"]["step"]
    for count in (1, 2, 3):
        for _ in range(count):
            await client.ask("localhost:t", "Ext<Sell>")
        await asyncio.sleep(step)
    history = (await figures(machine))["one"]["history"]
    assert [entry[1] for entry in history][-4:] == [1, 2, 3, 0]
