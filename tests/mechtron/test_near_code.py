"""Mechtrons are placed where their code is compiled already."""

from __future__ import annotations

import asyncio
import io
import random
import zipfile
from collections.abc import Awaitable, Callable

import attrs
import pytest
import wasmtime

from hyperverse_core import Candidate, Config, Kind, Machine, Point, StarKey
from hyperverse_core.testing import PlacementConformance
from hyperverse_mechtron.near_code import NearCode
from mechtron.guests import CORE
from patience import PATIENCE

KIND, POINT = Kind.parse("Mechtron"), Point.parse("localhost:m")


class TestNearCode(PlacementConformance):
    placement = NearCode


def chosen(*stars: tuple[int, bool]) -> set[int]:
    """Which of stars with so many particles, ready or not, are chosen in a hundred tries."""
    candidates = [
        Candidate(StarKey.parse(f"STAR::central:s[{number}]"), particles, ready=ready)
        for number, (particles, ready) in enumerate(stars)
    ]
    placement = NearCode(random.Random(7))
    keys = [candidate.star for candidate in candidates]
    return {keys.index(placement.choose(KIND, POINT, candidates)) for _ in range(100)}


def test_a_star_with_the_code_is_preferred() -> None:
    assert chosen((0, False), (10, True), (0, False)) == {1}
    assert chosen((0, False), (10, True), (3, True)) == {2}


def test_others_take_over_when_those_with_the_code_are_far_fuller() -> None:
    assert chosen((0, False), (100, True)) == {0}
    assert chosen((50, False), (116, True)) == {1}


def test_without_the_code_anywhere_the_emptier_one_is_chosen() -> None:
    assert chosen((5, False), (2, False)) == {1}
    assert chosen((5, False)) == {0}


@pytest.mark.thorough
async def test_a_mechtron_is_placed_at_a_machine_that_has_compiled_it(
    start_machine: Callable[..., Awaitable[Machine]], machine_config: Config
) -> None:
    one = await start_machine(config=attrs.evolve(machine_config, name="one"))
    other = await start_machine(config=attrs.evolve(machine_config, name="other"))
    bundle = io.BytesIO()
    with zipfile.ZipFile(bundle, "w") as files:
        files.writestr("m.wasm", bytes(wasmtime.wat2wasm(CORE)))
        files.writestr(
            "m.mechtron", "Mechtron(version=1.0.0) { Wasm { +bin=localhost:repo:m:1.0.0:/m.wasm; +name=m; } }"
        )
    client, config = one.client(), "localhost:repo:m:1.0.0:/m.mechtron"
    await client.exec(
        "create localhost<Space>; create localhost:repo<Repo>; create localhost:repo:m<BundleSeries>; "
        "publish ^[ b.zip ]-> localhost:repo:m:1.0.0",
        files={"b.zip": bundle.getvalue()},
    )
    create = "; ".join(f"create localhost:m-{number}<Mechtron>{{ +config={config} }}" for number in range(12))
    await client.exec(create, wait=4 * PATIENCE)  # so `one` has compiled it
    for _ in range(int(10 * PATIENCE)):  # until it has told so
        await asyncio.sleep(0.1)
        if any(config in star.facts for star in await other.registry.stars() if star.machine == "one"):
            break
    await other.parts.reader.refresh()
    for number in range(12):
        assert (await other.client().ping(f"localhost:m-{number}", "Ext<Any>", wait=PATIENCE)).ok
    stars = {star.key: star.machine for star in await other.registry.stars()}
    records = await other.registry.records([Point.parse(f"localhost:m-{number}") for number in range(12)])
    assert {stars[record.assignment.star] for record in records.values() if record.assignment} == {"one"}
