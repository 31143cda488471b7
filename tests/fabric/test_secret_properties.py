"""Secret properties: the registry never has them in clear, and only the particle itself gets to see them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from hyperverse_core import Machine, Particle, hookimpl
from hyperverse_core.config import Config, Control
from hyperverse_core.contracts.driver import Ctx, Draft, Driver, handler
from hyperverse_core.contracts.registry import PropertyValue, Registration
from hyperverse_core.data_dir.sealing_keys import SealingKeys
from hyperverse_core.errors import BadRequest
from hyperverse_core.testing.memory_registry import MemoryRegistry
from hyperverse_core.universe.address.point import HYPERUSER, Point
from hyperverse_core.universe.kind_defs.kind_def import KindDef
from hyperverse_core.universe.kind_defs.properties import PropertiesConfig, PropertyDef
from hyperverse_core.universe.kinds.kind import Kind
from hyperverse_core.universe.selectors.selector import Selector

PIN, WORD = "71530864", "correct-horse-battery"
SAFE = Point.parse("localhost:safe")
START = Callable[..., Awaitable[Machine]]


class Safe(Particle):
    """Compares what it is told with its secrets."""

    @handler("Ext<Open>")
    async def open(self, ctx: Ctx, pin: str = "", word: str = "") -> list[bool]:
        return [await ctx.matches("pin", pin), await ctx.matches("word", word), await ctx.matches("nothing", "")]

    @handler("Ext<Look>")
    async def look(self, ctx: Ctx) -> list[Any]:
        found = await ctx.properties()
        return [found["pin"].value, found["word"].value, found["word"].text, repr(found)]


class SafeDriver(Driver):
    kind = KindDef(
        "Safe",
        properties=PropertiesConfig(
            [
                PropertyDef("pin", "Opens it", "U64", source="CoreSecret"),
                PropertyDef("word", "Opens it too", source="CoreSecret", hashed=True),
                PropertyDef("colour"),
            ]
        ),
    )
    particle = Safe
    seen: list[str] = []

    async def check(self, host: Any, point: Point, kind: Kind, properties: Any) -> None:
        self.seen.extend(value.value for value in properties.values())


class BankDriver(Driver):
    kind = KindDef("Bank")
    particle = Safe

    async def complete(self, host: Any, draft: Draft) -> Draft:
        below = Draft(Point.parse(f"{draft.point}:safe"), Kind.parse("Safe"), {"pin": PropertyValue(PIN)}, None)
        return attrs.evolve(draft, below=(below,))


class Plugin:
    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        register(SafeDriver)
        register(BankDriver)


@pytest.fixture
async def machine(start_machine: START) -> AsyncIterator[Machine]:
    machine = await start_machine(plugins=[Plugin()])
    await machine.client().exec("create localhost<Space>")
    yield machine


async def kept(registry: Any) -> str:
    """Everything that the registry has of properties."""
    page = await registry.select(Selector.parse("**"), limit=1000)
    return repr([dict(record.properties) for record in page.records])


async def test_the_registry_has_no_secret_and_the_particle_has_them(machine: Machine) -> None:
    client = machine.client()
    SafeDriver.seen.clear()
    await client.create(SAFE, "Safe", {"pin": int(PIN), "word": WORD, "colour": "red"})
    assert sorted(SafeDriver.seen) == sorted([PIN, WORD, "red"]), "a driver checks what was meant"
    said = await kept(machine.parts.registry)
    assert PIN not in said and WORD not in said and "red" in said
    assert "$argon2id$" in said
    assert await client.ask(SAFE, "Ext<Open>", {"pin": PIN, "word": WORD}) == [True, True, False]
    assert await client.ask(SAFE, "Ext<Open>", {"pin": "7", "word": WORD + " "}) == [False, False, False]
    pin, word, text, shown = await client.ask(SAFE, "Ext<Look>")
    assert (pin, word, text) == (int(PIN), None, "")
    assert PIN not in shown and "argon2" not in shown


async def test_a_change_by_point_and_by_selector_is_encrypted_where_it_is_secret(machine: Machine) -> None:
    client = machine.client()
    await client.exec("create localhost:safe<Safe>; create localhost:other<Safe>")
    await client.exec(f"set localhost:safe{{+word={WORD}}}; set localhost:*<Safe>{{+pin={PIN}, +colour=blue}}")
    said = await kept(machine.parts.registry)
    assert PIN not in said and WORD not in said and said.count("blue") == 2
    assert await client.ask("localhost:other", "Ext<Open>", {"pin": PIN}) == [True, False, False]
    await client.exec("set localhost:safe{!word}")
    assert await client.ask(SAFE, "Ext<Open>", {"pin": PIN, "word": WORD}) == [True, False, False]


async def test_what_a_driver_registers_below_is_encrypted(machine: Machine) -> None:
    await machine.client().create("localhost:bank", "Bank")
    assert PIN not in await kept(machine.parts.registry)
    assert await machine.client().ask("localhost:bank:safe", "Ext<Open>", {"pin": PIN}) == [True, False, False]


async def test_no_answer_has_a_secret(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client = machine.client()
    await client.create(SAFE, "Safe", {"pin": PIN, "word": WORD})
    said = []
    for text in (
        "get localhost:safe{}",
        "get localhost:safe{pin}",
        "get localhost:safe{word}",
        "get localhost:safe",
        "read localhost:safe",
        "select localhost+:**",
        f"set localhost:safe{{+pin=wrong-{PIN}}}",
        f"set localhost:safe{{+colour=x, +word={WORD}, +nothing=1}}",
        f"create localhost:second<Safe>{{+pin=wrong-{PIN}}}",
        f"create localhost:safe<Safe>{{+word={WORD}}}",
        f"set localhost:safe{{+@pin={PIN}, +word='{WORD}'",
        f"set localhost:nowhere{{+word='{WORD}'}}",
    ):
        said.append(repr((await client.exec(text, check=False))[0]))
    for method, body in (("Ext<Dump>", {}), ("Ext<Describe>", {"point": SAFE.text}), ("Ext<Kind>", {"kind": "Safe"})):
        said.append(repr(await client.ask("GLOBAL::machine", method, body)))
    said.append(await kept(machine.parts.registry))
    said.append(caplog.text)
    for text in said:
        assert PIN not in text and WORD not in text, text


def test_only_secrets_are_hashed() -> None:
    with pytest.raises(BadRequest, match="CoreSecret"):
        PropertyDef("word", hashed=True)


async def test_values_in_clear_are_read_and_converted_and_a_rotation_replaces_the_key(
    machine: Machine, start_machine: START
) -> None:
    registry, client = machine.parts.registry, machine.client()
    old = {"pin": PropertyValue(PIN, locked=True), "word": PropertyValue(WORD)}  # as older releases have written them
    await registry.register(Registration(SAFE, Kind.parse("Safe"), HYPERUSER, old))
    await client.create("localhost:new", "Safe", {"pin": PIN})
    assert await client.ask(SAFE, "Ext<Open>", {"pin": PIN}) == [True, False, False]
    before = (await registry.record(Point.parse("localhost:new"))).properties["pin"].value
    answer = await client.ask("GLOBAL::machine", "Ext<RotateSecrets>")
    assert answer["changed"] == 2
    said = await kept(registry)
    assert PIN not in said and WORD not in said and before not in said
    assert (await registry.record(SAFE)).properties["pin"].locked
    assert await client.ask(SAFE, "Ext<Open>", {"pin": PIN, "word": WORD}) == [True, True, False]
    assert next(iter(SealingKeys(machine.data_dir).known())) == answer["key"]


async def test_the_first_start_converts_what_an_older_release_has_written(
    start_machine: START, machine_registry: MemoryRegistry, machine_config: Config
) -> None:
    await machine_registry.register(Registration(Point.parse("localhost"), Kind.parse("Space"), HYPERUSER))
    old = {"pin": PropertyValue(PIN), "word": PropertyValue(WORD)}
    await machine_registry.register(Registration(SAFE, Kind.parse("Safe"), HYPERUSER, old))
    machine = await start_machine(plugins=[Plugin()])
    while not SealingKeys(machine.data_dir).converted:
        await machine.client().ping(SAFE, "Cmd<Bounce>")
    said = await kept(machine_registry)
    assert PIN not in said and WORD not in said
    assert await machine.client().ask(SAFE, "Ext<Open>", {"pin": PIN, "word": WORD}) == [True, True, False]
    path = SealingKeys(machine.data_dir).path
    assert path.stat().st_mode & 0o777 == 0o600


async def test_another_data_directory_says_which_key_it_lacks_and_a_copy_of_it_helps(
    machine: Machine, start_machine: START, tmp_path: Path
) -> None:
    await machine.client().create(SAFE, "Safe", {"pin": PIN})
    await machine.stop()
    elsewhere = tmp_path / "elsewhere"
    config = Config(name="other", data_dir=elsewhere, lease=60.0, control=Control(enabled=False))
    other = await start_machine(config=config, plugins=[Plugin()])
    refused = await other.client().ping(SAFE, "Ext<Look>")
    assert refused.status in (500, 503) and "keys/properties.key" in str(refused.body) and PIN not in str(refused.body)
    target = SealingKeys(elsewhere).path
    target.parent.mkdir(mode=0o700, exist_ok=True)
    target.write_bytes(SealingKeys(machine.data_dir).path.read_bytes())
    assert await other.client().ask(SAFE, "Ext<Open>", {"pin": PIN}) == [True, False, False]
