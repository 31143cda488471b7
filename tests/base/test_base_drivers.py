"""The standard Kinds: where they may live, what they hold, and that they answer."""

from __future__ import annotations

import pytest

from hyperverse_base import BASE_DRIVERS, TABLE, BaseDriver
from hyperverse_core import HyperverseError, Kind, Machine, Point
from hyperverse_core.testing import DriverConformance
from hyperverse_core.values import STANDARD_KINDS
from kits import without

pytestmark = pytest.mark.one_case_in(3)

LATER = {"Mechtron", "Repo", "BundleSeries", "Bundle", "Artifact"}
"""They behave, so plugins of their own bring them."""
MADE_BY_THE_PLATFORM = {"Root", "Global", "Control", "Star", "Driver"}
SAMPLE = (
    "create localhost<Space>",
    "create localhost:base<Base>",
    "create localhost:base:inner<Base>",
    "create localhost:users<UserBase<Keycloak>>",
    "create localhost:users:alice<User>",
    "create localhost:app<App>{ +bind=localhost:repo:my:1.0.0:/app.bind, +config=localhost:repo:my:1.0.0:/app.conf }",
    "create localhost:files<FileSystem>",
    "create localhost:files:/<File<Dir>>",
    "create localhost:files:/readme.txt<File<File>>",
    "create localhost:db<Database<Relational<example.org:postgres.org:postgres:gis:(8.0.0)>>>",
    "create localhost:portal<Portal>",
)
POINTS = [command.split()[1].partition("<")[0] for command in SAMPLE]
REFUSED = [
    ("create localhost:nested<Space>", "cannot live under"),
    ("create elsewhere<Base>", "cannot contain"),
    ("create localhost:bob<User>", "cannot live under"),
    ("create localhost:users:base<Base>", "cannot contain"),
    ("create localhost:loose<File<File>>", "cannot live under"),
    ("create localhost:files:base<Base>", "cannot contain"),
    ("create localhost:star<Star<Fold>>", "cannot live under"),
    ("create localhost:driver<Driver>", "cannot live under"),
    ("create localhost:global<Global>", "cannot live under"),
    ("create localhost:control<Control>", "cannot live under"),
    ("create localhost:root<Root>", "cannot live under"),
]


async def run(machine: Machine, *commands: str) -> None:
    for command in commands:
        await machine.client().exec(command)


def test_every_standard_kind_has_a_driver_but_those_that_come_later() -> None:
    assert set(BASE_DRIVERS) == set(STANDARD_KINDS) - LATER


@pytest.mark.parametrize("name", BASE_DRIVERS)
def test_a_driver_keeps_what_the_standard_says_of_its_kind(name: str) -> None:
    driver, standard = BASE_DRIVERS[name], STANDARD_KINDS[name]
    assert issubclass(driver, BaseDriver)
    assert driver.__name__ == f"{name}Driver"
    assert (driver.kind.doc, driver.kind.subs) == (standard.doc, standard.subs)
    assert driver.kind.layers == standard.layers
    own = {definition.key for definition in driver.kind.properties}
    assert own == {p.key for p in standard.properties}


@pytest.mark.parametrize("name", sorted(MADE_BY_THE_PLATFORM))
def test_what_the_platform_makes_itself_cannot_be_created(name: str) -> None:
    assert BASE_DRIVERS[name].kind.parents == ()


@pytest.mark.parametrize("name", sorted(set(TABLE) - MADE_BY_THE_PLATFORM - {"Space"}))
def test_every_other_kind_may_live_under_some_kind(name: str) -> None:
    own = Kind(name, *STANDARD_KINDS[name].subs[-1:])
    holders = [
        holder
        for holder, driver in BASE_DRIVERS.items()
        for kind in [Kind(holder), *(Kind(holder, sub) for sub in driver.kind.subs)]
        if driver.kind.may_hold(own) and BASE_DRIVERS[name].kind.may_live_under(kind)
    ]
    assert holders


async def test_particles_of_every_kind_hold_others_and_answer(machine: Machine) -> None:
    await run(machine, *SAMPLE)
    client = machine.client()
    for point in POINTS:
        reply = await client.ping(point, "Cmd<Bounce>")
        assert (reply.status, reply.sender) == (200, Point.parse(point)), reply.error


async def test_they_live_on_the_stars_that_are_meant_for_them(machine: Machine) -> None:
    await run(machine, *SAMPLE)
    for point in POINTS:
        await machine.client().ping(point, "Cmd<Bounce>")
        record = await machine.registry.record(Point.parse(point))
        assert record.assignment is not None
        stars = TABLE[record.kind.base].stars
        assert stars is not None
        assert machine.parts.stars[record.assignment.star].kind.name in stars


@pytest.mark.parametrize(("command", "said"), REFUSED, ids=[command for command, _ in REFUSED])
async def test_what_has_no_place_there_is_refused(machine: Machine, command: str, said: str) -> None:
    await run(machine, *SAMPLE)
    with pytest.raises(HyperverseError, match=said) as caught:
        await run(machine, command)
    assert caught.value.status == 400


async def test_they_take_no_method_of_their_own(machine: Machine) -> None:
    await run(machine, "create localhost<Space>")
    reply = await machine.client().ping("localhost", "Ext<Anything>")
    assert reply.status == 404
    assert "takes none" in str(reply.body)


async def test_the_root_and_the_stars_answer(machine: Machine) -> None:
    for point in ("ROOT", *(star.point for star in machine.parts.stars.values())):
        assert (await machine.client().ping(point, "Cmd<Bounce>")).status == 200, point


_UNUSED = (
    "test_what_was_answered_survives_a_crash",
    "test_what_a_particle_dumps_is_what_another_one_loads",
    "test_what_is_wrong_is_the_answer_of_create",
    "test_a_check_can_be_repeated",
    "test_calls_that_read_are_answered_and_change_nothing",
)
"""These Kinds have no state of their own, and check nothing."""


@without(*_UNUSED)
class TestBase(DriverConformance):
    driver = BASE_DRIVERS["Base"]


@without(*_UNUSED)
class TestUser(DriverConformance):
    driver = BASE_DRIVERS["User"]


@without(*_UNUSED)
class TestFile(DriverConformance):
    driver = BASE_DRIVERS["File"]
    parents = (("localhost", "Space"), ("localhost:files", "FileSystem"), ("localhost:files:/", "File<Dir>"))

    def name(self, number: int) -> str:
        return f"file-{number}.txt"


@without(
    *_UNUSED,
    "test_a_particle_has_the_same_traits_each_time",
    "test_a_new_particle_shares_nothing_with_another",
    "test_an_active_particle_stops_in_time_and_without_an_error_when_it_is_deleted",
    "test_a_particle_can_be_created_and_answers_bounce",
    "test_a_particle_shows_its_state",
    "test_an_unknown_method_is_answered_404",
    "test_a_body_that_does_not_fit_is_answered_400_and_changes_nothing",
    "test_the_calls_that_change_it_are_answered",
    "test_waves_at_once_bring_one_particle_to_life",
    "test_an_idle_particle_leaves_memory_and_comes_back_as_it_was",
    "test_a_restart_keeps_the_state",
    "test_a_change_changes_one_particle_only",
    "test_a_deleted_particle_leaves_nothing",
    "test_a_particle_that_is_created_again_begins_anew",
)
class TestControl(DriverConformance):
    driver = BASE_DRIVERS["Control"]
