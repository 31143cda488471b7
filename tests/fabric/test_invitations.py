"""Who comes in with an invitation, and who does not. Each machine has a data directory of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from hyperverse_core import Config, Machine
from hyperverse_core.contracts.registry import MachineKey
from hyperverse_core.errors import BadRequest, Conflict, HyperverseError, NotFound, Unauthorized
from hyperverse_core.testing.memory_registry import MemoryRegistry

MACHINE = "GLOBAL::machine"


@pytest.fixture
def at(tmp_path: Path) -> Any:
    """A configuration: ``at("beta", "b", invitation)`` is of the machine beta in the data directory b."""

    def made(name: str, folder: str = "", invitation: str = "") -> Config:
        return Config(name=name, data_dir=tmp_path / (folder or name), lanes="local", invitation=invitation)

    return made


async def lanes_of(machine: Machine) -> set[str]:
    return {lane["machine"] for lane in machine.status()["lanes"] if lane["state"] == "up"}


async def until_lanes_are(machine: Machine, *names: str) -> None:
    async with asyncio.timeout(60):
        while await lanes_of(machine) != set(names):  # noqa: ASYNC110  # nothing tells of it
            await asyncio.sleep(0.01)


async def test_a_removed_machine_is_out_within_a_second_and_stops(start_machine: Any, at: Any) -> None:
    registry = MemoryRegistry()
    alpha = await start_machine(config=at("alpha"), registry=registry)
    text = await alpha.client().ask(MACHINE, "Ext<Invite>", {})
    beta = await start_machine(config=at("beta", "", text), registry=registry)
    await until_lanes_are(alpha, "beta")
    await until_lanes_are(beta, "alpha")
    await alpha.client().ask(MACHINE, "Ext<RemoveMachine>", {"machine": "beta"})
    async with asyncio.timeout(1.0):
        while alpha.status()["lanes"]:  # noqa: ASYNC110  # nothing tells of it
            await asyncio.sleep(0.01)
        await beta.wait_stopped()


async def test_a_machine_that_was_allowed_by_hand_is_removed_too(start_machine: Any, at: Any) -> None:
    registry = MemoryRegistry()
    machines = [await start_machine(config=at(name), registry=registry) for name in ("alpha", "beta", "gamma")]
    keys = {m.name: (await m.client().ask(MACHINE, "Ext<Keys>", {}))[m.name] for m in machines}
    for machine in machines:
        for name, key in keys.items():
            if name != machine.name:
                await machine.client().ask(MACHINE, "Ext<AllowKey>", {"machine": name, "key": key})
    alpha, beta, gamma = machines
    await until_lanes_are(alpha, "beta", "gamma")
    await until_lanes_are(gamma, "alpha", "beta")
    await alpha.client().ask(MACHINE, "Ext<RemoveMachine>", {"machine": "beta"})
    await until_lanes_are(alpha, "gamma")
    await until_lanes_are(gamma, "alpha")
    await beta.wait_stopped()
    await beta.stop()
    with pytest.raises(Conflict, match="was removed"):  # whoever removed it has to let it in again
        await alpha.client().ask(MACHINE, "Ext<AllowKey>", {"machine": "beta", "key": keys["beta"]})
    with pytest.raises(Unauthorized, match="was removed"):
        await start_machine(config=at("beta"), registry=registry)


async def test_a_further_machine_of_a_host_that_is_in_needs_no_invitation(start_machine: Any, at: Any) -> None:
    registry = MemoryRegistry()
    alpha = await start_machine(config=at("alpha"), registry=registry)
    text = await alpha.client().ask(MACHINE, "Ext<Invite>", {})
    await start_machine(config=at("beta", "b", text), registry=registry)
    await start_machine(config=at("beta2", "b", text), registry=registry)
    await start_machine(config=at("alpha2", "alpha"), registry=registry)
    await until_lanes_are(alpha, "alpha2", "beta", "beta2")


@pytest.mark.parametrize(
    ("name", "spent", "error", "said"),
    [
        ("alpha", False, Conflict, "'alpha' with another key"),
        ("beta", True, Unauthorized, "not valid"),
        ("gamma", None, Unauthorized, "another Hyperverse"),
    ],
)
async def test_nobody_comes_in_otherwise(
    start_machine: Any, at: Any, name: str, spent: bool | None, error: type[HyperverseError], said: str
) -> None:
    registry = MemoryRegistry()
    alpha = await start_machine(config=at("alpha"), registry=registry)
    text = await alpha.client().ask(MACHINE, "Ext<Invite>", {}) if spent is not None else f"inv_{'x' * 43}"
    if spent:
        await start_machine(config=at("first", "", text), registry=registry)
    with pytest.raises(error, match=said) as raised:
        await start_machine(config=at(name, "elsewhere", text), registry=registry)
    assert text not in str(raised.value) and raised.value.hint
    assert "elsewhere" not in {star.machine for star in await registry.stars()}


@pytest.mark.parametrize(
    "broken", [lambda text: text[:20], lambda text: text[4:], lambda text: f"{text}x", lambda text: f"{text} {text}"]
)
async def test_an_invitation_that_is_not_whole_is_known_by_its_form_and_stays_good(
    start_machine: Any, at: Any, broken: Callable[[str], str]
) -> None:
    registry = MemoryRegistry()
    alpha = await start_machine(config=at("alpha"), registry=registry)
    text = await alpha.client().ask(MACHINE, "Ext<Invite>", {})
    with pytest.raises(Unauthorized, match="characters") as raised:
        await start_machine(config=at("beta", "", broken(text)), registry=registry)
    assert text[4:20] not in f"{raised.value} {raised.value.hint}"
    assert [key.machine for key in await registry.machine_keys()] == ["alpha"]
    await start_machine(config=at("beta", "", text), registry=registry)
    await until_lanes_are(alpha, "beta")


class _Slow(MemoryRegistry):
    """The next two who read have both read before either goes on."""

    def __init__(self) -> None:
        super().__init__()
        self._readers = asyncio.Barrier(2)
        self.together = 0

    async def machine_keys(self) -> list[MachineKey]:
        found = await super().machine_keys()
        if self.together:
            self.together -= 1
            await self._readers.wait()
        return found


async def test_of_two_hosts_of_one_name_that_come_in_at_the_same_moment_one_does(start_machine: Any, at: Any) -> None:
    registry = _Slow()
    alpha = await start_machine(config=at("alpha"), registry=registry)
    texts = await asyncio.gather(*(alpha.client().ask(MACHINE, "Ext<Invite>", {}) for _ in range(2)))
    assert len(set(texts)) == 2
    registry.together = 2
    configs = [at("beta", "b", texts[0]), at("beta", "c", texts[1])]
    starting = [start_machine(config=config, registry=registry) for config in configs]
    ends = await asyncio.gather(*starting, return_exceptions=True)
    assert [type(end) for end in ends].count(Conflict) == 1
    assert sorted(key.machine for key in await registry.machine_keys() if key.admitted) == ["alpha", "beta"]
    await until_lanes_are(alpha, "beta")
    late = configs[isinstance(ends[0], Machine)]
    again = await alpha.client().ask(MACHINE, "Ext<Invite>", {})
    await start_machine(config=attrs.evolve(late, name="gamma", invitation=again), registry=registry)
    await until_lanes_are(alpha, "beta", "gamma")


async def test_an_invitation_ends(start_machine: Any, at: Any) -> None:
    registry = MemoryRegistry()
    alpha = await start_machine(config=at("alpha"), registry=registry)
    text = await alpha.client().ask(MACHINE, "Ext<Invite>", {"seconds": 60})
    await asyncio.sleep(61)
    with pytest.raises(Unauthorized, match="not valid"):
        await start_machine(config=at("beta", "", text), registry=registry)


async def test_what_cannot_be_done_is_said(start_machine: Any, at: Any) -> None:
    client = (await start_machine(config=at("alpha"), registry=MemoryRegistry())).client()
    for seconds in (0, -1, 8 * 86400):
        with pytest.raises(BadRequest, match="cannot be valid"):
            await client.ask(MACHINE, "Ext<Invite>", {"seconds": seconds})
    with pytest.raises(BadRequest, match="cannot remove itself"):
        await client.ask(MACHINE, "Ext<RemoveMachine>", {"machine": "alpha"})
    with pytest.raises(NotFound, match="no machine 'beta'"):
        await client.ask(MACHINE, "Ext<RemoveMachine>", {"machine": "beta"})
