"""A Mechtron becomes another version with its state, and goes back; what breaks its callers is refused."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import wasmtime

from hyperverse_core import HyperverseError, Machine
from hyperverse_core.errors import BadRequest, Conflict
from mechtron import others
from mechtron.guests import MANY
from mechtron.test_mechtrons import ask
from mechtron.versions import (
    BREAKS_STATE,
    COUNTS,
    LOSES,
    OFFERS,
    OFFERS_GLOBAL,
    OTHER_GLOBAL,
    OTHER_TYPE,
    PUTS,
    SAVES,
    SAVES_BY_TWO,
)
from patience import PATIENCE

pytestmark = pytest.mark.thorough

DOCUMENT = """Mechtron(version=1.0.0) {{
  Wasm {{ +bin=localhost:repo:{name}:{version}:/m.wasm; +name=m; }}
  {more}
}}"""


@pytest.fixture
def machine_plugins() -> list[object]:
    return [others]


class Series:
    """Versions of one Mechtron, each with what it says besides, and the Mechtron itself."""

    def __init__(self, machine: Machine, name: str) -> None:
        self.client, self.machine, self.name = machine.client(), machine, name
        self.at = f"localhost:repo:{name}"

    def config(self, version: str) -> str:
        return f"{self.at}:{version}:/m.mechtron"

    async def publish(self, version: str, text: str, more: str = "") -> None:
        bundle = io.BytesIO()
        with zipfile.ZipFile(bundle, "w") as files:
            files.writestr("m.wasm", bytes(wasmtime.wat2wasm(text)))
            files.writestr("m.mechtron", DOCUMENT.format(name=self.name, version=version, more=more))
        await self.client.exec(f"publish ^[ b.zip ]-> {self.at}:{version}", files={"b.zip": bundle.getvalue()})

    async def create(self, text: str, more: str = "") -> None:
        await self.client.exec(f"create? {self.at}<BundleSeries>")
        await self.publish("1.0.0", text, more)
        config = self.config("1.0.0")
        await self.client.exec(f"create localhost:{self.name}<Mechtron>{{ +config={config} }}", wait=4 * PATIENCE)

    async def upgrade(self, version: str = "", **how: bool) -> Any:
        return await self.client.upgrade(f"localhost:{self.name}", version, wait=4 * PATIENCE, **how)

    async def back(self) -> Any:
        return await self.upgrade(back=True)

    async def count(self) -> object:
        return (await ask(self.machine, f"localhost:{self.name}", "Count")).unwrap()

    async def error(self) -> str:
        return (await ask(self.machine, f"localhost:{self.name}", "X")).error


@pytest.fixture
async def series(machine: Machine) -> Callable[[str], Series]:
    await machine.client().exec("create localhost<Space>; create localhost:repo<Repo>")
    return lambda name: Series(machine, name)


Make = Callable[[str], Series]
OURS = MANY.replace("an error of mine", "an error of ours")


async def test_the_keys_of_a_state_are_those_of_every_version(machine: Machine, series: Make) -> None:
    m = series("m")
    await m.create(MANY, "Limits { +seconds=2; +concurrency=4; }")
    await m.publish("1.1.0", OURS)
    assert [await m.count() for _ in "12"] == ["1", "2"]
    first, second = m.config("1.0.0"), m.config("1.1.0")
    assert await m.upgrade("1.1.0") == {"config": second, "before": first, "broken": []}
    again = await asyncio.gather(*(m.upgrade("1.1.0") for _ in range(3)))  # as when the answer was lost
    assert again == [{"config": second, "before": first, "broken": []}] * 3
    assert "of ours" in await m.error()
    assert await m.count() == "3"
    assert await m.back() == {"config": first, "before": second, "broken": []}
    assert "of mine" in await m.error()
    assert await m.count() == "4"
    # calls under way end with the version that they began with
    await machine.client().exec("create localhost:other<Other>")
    waits = [asyncio.ensure_future(ask(machine, "localhost:m", "Ask", "wait")) for _ in range(3)]
    await asyncio.sleep(0.1)
    await m.upgrade(f"{m.at}:1.1.0")  # the bundle says it as well
    assert [each.done() and each.result().status for each in waits] == [408] * 3
    assert "of ours" in await m.error()
    assert await m.count() == "5"
    # what is wrong is told, and changes nothing
    await m.publish("1.2.0", '(module (import "env" "x" (func)))')
    for version, told in (
        ("1.9.0", f"{m.at}:1.9.0"),
        ("1.3.0", f"did you mean '{m.at}:1.2.0'"),
        (f"{m.at}:1.1.0:/n.mechtron", f"did you mean '{m.at}:1.1.0:/m.mechtron'"),
        ("1.2.0", "import env.x: nothing here provides it"),
        ("nonsense!", "neither a version nor a point"),
        ("localhost:none", "localhost:none cannot be read"),
    ):
        with pytest.raises(HyperverseError) as caught:
            await m.upgrade(version)
        assert told in str(caught.value), version
    with pytest.raises(BadRequest, match="at once"):
        await m.upgrade("1.1.0", back=True)
    with pytest.raises(HyperverseError):
        await machine.client().upgrade("localhost:repo", "1.0.0")
    assert await m.count() == "6"


async def test_what_is_kept_of_an_instance_is_carried_over(
    machine: Machine, series: Make, start_machine: Callable[..., Awaitable[Machine]]
) -> None:
    for name, first, second, expected in (
        ("a", (SAVES, "memory"), (SAVES_BY_TWO, "memory"), "b3"),
        ("b", (SAVES, "memory"), (SAVES_BY_TWO, "save"), "b3"),
        ("c", (SAVES, "save"), (SAVES_BY_TWO, "memory"), "b3"),
        ("d", (SAVES, "memory"), (SAVES, "memory"), "a2"),
        ("e", (SAVES, "save"), (SAVES_BY_TWO, "save"), "b3"),
    ):
        m = series(name)
        await m.create(first[0], f"Run {{ +state={first[1]}; }}")
        with pytest.raises(Conflict, match="was never upgraded"):
            await m.back()
        await m.publish("1.0.1", second[0], f"Run {{ +state={second[1]}; }} Limits {{ +seconds=6; }}")
        assert await m.count() == "a1"
        await m.upgrade("1.0.1")
        assert await m.count() == expected, name
        if name != "e":
            await m.back()
            assert await m.count() == "a" + chr(ord(expected[1]) + 1), name
    await m.publish("1.0.2", BREAKS_STATE, "Run { +state=save; }")
    with pytest.raises(HyperverseError, match="the guest trapped"):
        await m.upgrade("1.0.2")
    await machine.stop()
    m = Series(await start_machine(), "e")
    assert await m.count() == "b5"
    assert (await m.upgrade())["config"] == m.config("1.0.1")
    await m.back()
    assert await m.count() == "a6"


async def test_a_version_that_breaks_what_the_old_one_offered_is_refused_unless_forced(series: Make) -> None:
    m = series("m")
    await m.create(OFFERS)
    for minor, (text, more, told) in enumerate(
        (
            (LOSES, "", "it does not export 'twice'"),
            (OTHER_TYPE, "", "export 'twice' is func (i64) -> (i32), but was func (i32) -> (i32)"),
            (OFFERS, "Run { +reply=json; }", "its answers are +reply=json;, but were +reply=auto;"),
            (OFFERS, "Run { +state=none; }", "it keeps no state, but did before"),
            ('(module (func (export "f")))', "", "it is a library, but was a core module"),
        )
    ):
        version = f"2.{minor}.0"
        await m.publish(version, text, more)
        with pytest.raises(Conflict) as caught:
            await m.upgrade(version)
        assert told in str(caught.value)
        assert str(await m.count()).startswith("a")
        assert told in str(await m.upgrade(version, force=True))
        await m.back()
        assert await m.count() == "a1"  # nothing is kept of its instance
    g = series("g")
    await g.create(OFFERS_GLOBAL)
    for version, text, told in (
        ("2.0.0", OTHER_GLOBAL, "export 'level' is global mut i64, but was global mut i32"),
        ("3.0.0", COUNTS, "it does not export 'level'"),
    ):
        await g.publish(version, text)
        with pytest.raises(Conflict) as caught:
            await g.upgrade(version)
        assert told in str(caught.value)
        assert told in str(await g.upgrade(version, force=True))
        await g.back()
    n = series("n")
    await n.create(COUNTS, "Run { +state=memory; }")
    await n.publish("2.0.0", LOSES, "Run { +state=memory; }")
    assert [await n.count() for _ in "12"] == ["a1", "a2"]
    with pytest.raises(Conflict, match=r"cannot be carried over .* memory of another module"):
        await n.upgrade("2.0.0")
    assert await n.count() == "a3"
    assert "memory of another module" in str(await n.upgrade("2.0.0", force=True))
    assert await n.count() == "b2"
    await n.back()
    assert await n.count() == "a4"


async def test_a_guest_puts_nothing_under_the_key_of_the_platform(machine: Machine, series: Make) -> None:
    m = series("m")
    await m.create(PUTS)
    assert "is the platform's" in (await ask(machine, "localhost:m", "Any")).error
    with pytest.raises(HyperverseError, match="does not export hv_save and hv_load"):
        await series("n").create(PUTS, "Run { +state=save; }")


async def test_explain_lists_what_a_document_grants(machine: Machine, series: Make) -> None:
    m = series("m")
    await m.create(PUTS, 'Grants { +env=A=1; +arg="two words"; } Limits { +seconds=3; }')
    client = machine.client()

    async def granted(agent: str) -> Any:
        return (await client.exec(f"explain {agent} on localhost:m"))[0].body["granted"]

    config = m.config("1.0.0")
    assert await granted("hyperspace:users:hyperuser") == [
        f"module: {m.at}:1.0.0:/m.wasm, as {config} says",
        "folders: none",
        "environment: A=1",
        "argument: two words",
        "clock: the platform's, in place of WASI's",
        "random numbers: the platform's, in place of WASI's",
        "network: none",
        "limits: 3 s for a call, 64 MiB of memory",
    ]
    await m.publish("1.1.0", PUTS, "Limits { +seconds=4; +fuel=1000; }")
    await m.upgrade("1.1.0")
    assert (await granted("hyperspace:users:hyperuser"))[
        -1
    ] == "limits: 4 s for a call, 64 MiB of memory, 1000 instructions"
