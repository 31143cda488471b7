"""A machine had no lease for a while, and another one, of another data directory, has taken the places of its stars."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import attrs
import pytest

from cluster import cluster_kinds
from hyperverse_core import Client, Config, Machine
from hyperverse_core.config import Choice, StarTemplate
from hyperverse_core.errors import ConfigError, Unavailable
from hyperverse_core.registry import StarRecord, Status
from hyperverse_sql.registry import SqlRegistry
from patience import PATIENCE, until

_LEASE = 5.0
_OURS = "STAR::central:"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    settings = {"path": str(tmp_path / "registry.sqlite")}
    return Config(name="alpha", data_dir=tmp_path / "data", lease=_LEASE, registry=Choice("sql", settings))


@pytest.fixture
async def registry(config: Config, hyperverse_leaks: None) -> AsyncIterator[SqlRegistry]:
    """The registry, as another machine has it open."""
    async with SqlRegistry(config.registry.settings) as registry:
        yield registry


async def _take(registry: SqlRegistry, machine: Machine) -> list[StarRecord]:
    """Removes all stars of a machine, and announces those that may move as another machine that starts meanwhile."""
    stars = [star for star in await registry.stars() if star.machine == machine.name]
    await registry.withdraw(stars)
    places = [star for star in stars if str(star.key).startswith(_OURS)]
    return [await registry.announce(attrs.evolve(star, machine="beta", address="", pid=1)) for star in places]


def _places(machine: Machine) -> set[str]:
    return {row["star"] for row in machine.status()["stars"] if row["star"].startswith(_OURS)}


def _keys(stars: Iterable[StarRecord]) -> set[str]:
    return {str(star.key) for star in stars}


async def _until_it_is_ready(machine: Machine) -> None:
    await until(lambda: machine.state is Status.READY, "the machine that opens again")


async def test_it_opens_again_in_free_places_and_its_clients_continue(
    registry: SqlRegistry, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    async with Machine(config, plugins=[cluster_kinds]) as machine:
        inside = machine.client()
        await inside.exec("create localhost<Space>; create localhost:a<Tally>")
        assert await inside.ask("localhost:a", "Ext<Add>", {"by": 7}) == 7
        assert config.data_dir is not None
        async with Client.connect(config.data_dir) as outside:
            assert await outside.ask("localhost:a", "Ext<Value>") == 7
            taken = _keys(await _take(registry, machine))
            assert _places(machine) == taken
            await until(lambda: not _places(machine) & taken, "other places")
            await _until_it_is_ready(machine)
            assert len(_places(machine)) == len(taken)
            assert _places(machine) <= _keys(star for star in await registry.stars() if star.machine == "alpha")
            for client in (inside, outside):
                async with asyncio.timeout(PATIENCE):
                    while not (reply := await client.ping("localhost:a", "Ext<Value>")).ok:  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
                assert (reply.body, reply.star in _places(machine)) == (7, True)
        troubles = machine.status()["troubles"]  # that writes are slow is told of a busy computer
        assert [trouble for trouble in troubles if trouble["what"] != "writes to the registry"] == []
        assert "could not be told" not in caplog.text


async def test_it_can_be_stopped_while_it_cannot_open_again(
    registry: SqlRegistry, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = asyncio.Event()

    async def away(registry: SqlRegistry) -> None:
        tried.set()
        raise Unavailable("the registry is away")

    async with Machine(config) as machine:
        monkeypatch.setattr(SqlRegistry, "open", away)
        await _take(registry, machine)
        await asyncio.wait_for(tried.wait(), PATIENCE)
        assert (machine.state, machine.cause) == (Status.INIT, "another machine has taken its places")
        machine.request_stop()
        await machine.wait_stopped()
    assert machine.state is Status.DONE


async def test_it_opens_again_as_soon_as_the_registry_is_back(
    registry: SqlRegistry, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    opens, tries = SqlRegistry.open, 0

    async def away_at_first(registry: SqlRegistry) -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise Unavailable("the registry is away")
        await opens(registry)

    async with Machine(config) as machine:
        monkeypatch.setattr(SqlRegistry, "open", away_at_first)
        taken = _keys(await _take(registry, machine))
        await until(lambda: not _places(machine) & taken, "other places")
        await _until_it_is_ready(machine)
        assert tries == 3


async def test_its_owner_learns_that_it_cannot_open_any_more(
    registry: SqlRegistry, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(registry: SqlRegistry) -> None:
        raise ConfigError("a newer version has changed the tables")

    async with Machine(config) as machine:
        monkeypatch.setattr(SqlRegistry, "open", broken)
        await _take(registry, machine)
        with pytest.raises(ConfigError, match="a newer version"):
            await asyncio.wait_for(machine.wait_stopped(), PATIENCE)
        assert (machine.state, machine.cause) == (Status.FATAL, "a newer version has changed the tables")


async def test_stars_that_the_config_gives_to_the_machine_stay_and_the_status_says_why(
    registry: SqlRegistry, config: Config
) -> None:
    fixed = (StarTemplate("super", "Super", machine="alpha"),)
    async with Machine(attrs.evolve(config, stars=fixed)) as machine:
        client = machine.client()
        await client.exec("create localhost<Space>; create localhost:a<Base>")

        def troubles() -> list[Any]:
            return [row for row in machine.status()["troubles"] if row["what"] == "the announcement of the stars"]

        (taken,) = await _take(registry, machine)
        await until(troubles, "the trouble")
        assert "is held by machine 'beta'" in troubles()[0]["cause"]
        assert (await client.ping("localhost:a", "Cmd<Bounce>")).status == 503
        await registry.withdraw([taken])
        await until(lambda: not troubles(), "the announcement")
        assert (await client.ping("localhost:a", "Cmd<Bounce>")).ok
