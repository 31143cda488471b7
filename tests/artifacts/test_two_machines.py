"""Content travels from the machine that has it to the one that needs it, once."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import attrs

from artifacts.conftest import SERIES, zipped
from hyperverse_core import Driver, DriverHost, KindDef, Machine, Point, hookimpl
from hyperverse_core.blobs import PIECE, Blobs, digest_of, read_content
from hyperverse_core.config import Choice
from patience import until

FILES = {"app.wasm": os.urandom(2 * PIECE + 9), "index.html": b"<p>hello</p>"}
VERSION = f"{SERIES}:1.0.0"


class Stores:
    """A plugin whose driver remembers the stores of the machines."""

    def __init__(self) -> None:
        self.of: dict[str, Blobs] = {}

    @hookimpl
    def hyperverse_register_drivers(self, register: Any) -> None:
        stores = self

        class StoreDriver(Driver):
            kind = KindDef("Store", doc="Remembers the store of its machine")

            async def start(self, host: DriverHost) -> None:
                stores.of[host.machine] = host.blobs

        register(StoreDriver)


async def two(start: Any, config: Any, tmp_path: Path) -> tuple[Machine, Machine, Stores]:
    """Machines of one Hyperverse with stores of their own; the version is published on the first."""
    stores = Stores()
    machines = []
    for name in ("one", "other"):
        store = Choice("files", {"folder": str(tmp_path / name / "blobs")})
        at = attrs.evolve(config, name=name, blobs=store)
        machines.append(await start(config=at, plugins=[stores]))
        if name == "one":
            client = machines[0].client()
            await client.exec(f"create localhost<Space>; create localhost:repo<Repo>; create {SERIES}<BundleSeries>")
            await client.exec(f"publish ^[ b ]-> {VERSION}", files={"b": zipped(FILES)})
    one, other = machines
    await until(lambda: _knows(one, other), "the machines to know each other")
    return one, other, stores


def _knows(one: Machine, other: Machine) -> bool:
    """Whether a machine knows that another one takes artifacts."""
    stars = {key for key, star in other.parts.stars.items() if star.kind.name == "Scribe"}
    return any("Artifact" in record.kinds for key, record in one.parts.directory.records.items() if key in stars)


async def moved(one: Machine, other: Machine, point: str) -> None:
    """Has an artifact live on the other machine."""
    star = next(star for star in other.parts.stars.values() if star.kind.name == "Scribe")
    (await one.client().ping(point, "Cmd<Bounce>")).unwrap()
    await one.client().move(point, str(star.key))
    record = await one.registry.record(Point.parse(point))
    assert record.assignment is not None
    assert record.assignment.star == star.key


async def test_a_machine_that_needs_content_fetches_it_once(
    start_machine: Any, machine_config: Any, tmp_path: Path
) -> None:
    one, other, stores = await two(start_machine, machine_config, tmp_path)
    digest = digest_of(FILES["app.wasm"])
    assert await stores.of["other"].size(digest) is None
    await moved(one, other, f"{VERSION}:/app.wasm")
    readers = [read_content(machine.client(), f"{VERSION}:/app.wasm") for machine in (one, other) for _ in range(3)]
    assert set(await asyncio.gather(*readers)) == {FILES["app.wasm"]}
    assert await stores.of["other"].get(digest) == FILES["app.wasm"]
    await stores.of["one"].delete(digest)  # from here on it is not fetched any more
    assert await read_content(one.client(), f"{VERSION}:/app.wasm") == FILES["app.wasm"]


async def test_damage_on_one_machine_is_mended_from_the_other(
    start_machine: Any, machine_config: Any, tmp_path: Path
) -> None:
    one, other, _ = await two(start_machine, machine_config, tmp_path)
    await moved(one, other, f"{VERSION}:/app.wasm")
    assert await read_content(one.client(), f"{VERSION}:/app.wasm") == FILES["app.wasm"]
    digest = digest_of(FILES["app.wasm"])[7:]
    with (tmp_path / "other" / "blobs" / "content" / digest[:2] / digest).open("r+b") as file:
        file.write(b"changed")
    assert await read_content(one.client(), f"{VERSION}:/app.wasm") == FILES["app.wasm"]


async def test_content_that_no_machine_has_is_told_with_the_machine(
    start_machine: Any, machine_config: Any, tmp_path: Path
) -> None:
    one, other, stores = await two(start_machine, machine_config, tmp_path)
    await stores.of["one"].delete(digest_of(FILES["index.html"]))
    await moved(one, other, f"{VERSION}:/index.html")
    reply = await one.client().ping(f"{VERSION}:/index.html", "Cmd<Read>")
    assert (reply.status, "'one'" in reply.error) == (503, True), reply.error


async def test_a_driver_keeps_what_it_reads_on_its_machine(
    start_machine: Any, machine_config: Any, tmp_path: Path
) -> None:
    _, other, stores = await two(start_machine, machine_config, tmp_path)
    blobs, point = stores.of["other"], f"{VERSION}:/app.wasm"
    assert await read_content(other.client(), point, blobs=blobs) == FILES["app.wasm"]
    assert await blobs.get(digest_of(FILES["app.wasm"])) == FILES["app.wasm"]
    await stores.of["one"].delete(digest_of(FILES["app.wasm"]))
    assert await read_content(other.client(), point, blobs=blobs) == FILES["app.wasm"]
