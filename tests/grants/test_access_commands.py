"""The commands about access, sent to a running machine: grant, grants, revoke, chown, explain, access."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hyperverse_core import Machine, Point
from hyperverse_core.contracts.registry import Registration
from hyperverse_core.testing import ManualClock
from hyperverse_core.universe.access.access import AccessGrant
from hyperverse_core.universe.address.point import HYPERUSER
from hyperverse_core.universe.kinds.kind import Kind
from hyperverse_grants.policy import GrantsPolicy

HYPER = HYPERUSER.text
SUPERUSER, APP, SCOTT = "localhost:users:superuser", "localhost:app", "localhost:app:users:scott"
MECHTRON = "localhost:app:mechtron"
NOBODY = "localhost:users:nobody"
PARTICLES = (
    ("hyperspace", "Space", HYPER),
    ("hyperspace:users", "UserBase<Keycloak>", HYPER),
    (HYPER, "User", HYPER),
    ("localhost", "Space", HYPER),
    ("localhost:users", "UserBase<Keycloak>", HYPER),
    (SUPERUSER, "User", HYPER),
    (NOBODY, "User", HYPER),
    (APP, "App", SUPERUSER),
    ("localhost:app:users", "UserBase<Keycloak>", APP),
    (SCOTT, "User", APP),
    (MECHTRON, "Mechtron", APP),
)


START = Callable[..., Awaitable[Machine]]


@pytest.fixture
async def world(machine: Machine) -> Machine:
    """The particles of the scenario, and a User who has nothing."""
    return await peopled(machine)


async def peopled(machine: Machine) -> Machine:
    for point, kind, owner in PARTICLES:
        await machine.registry.register(Registration(Point.parse(point), Kind.parse(kind), Point.parse(owner)))
    return machine


async def says(world: Machine, agent: str, command: str) -> Any:
    """The body of the answer to one command, which has to succeed."""
    (result,) = await world.client(agent).exec(command, check=False)
    return result.unwrap()


async def status(world: Machine, agent: str, command: str) -> int:
    (result,) = await world.client(agent).exec(command, check=False)
    return result.status


async def access(world: Machine, agent: str, point: str) -> str:
    found = await says(world, HYPER, f"explain {agent} on {point}")
    return str(found["access"])


async def test_scenario_r3_step_by_step(start_machine: START) -> None:
    world = await peopled(await start_machine(policy=GrantsPolicy({"same_owner": False})))  # it is older than that rule
    await world.registry.grant(AccessGrant.parse(f"perm +CSD-RWX on {SUPERUSER} to {SCOTT} by {APP}"))  # gives nothing
    await says(world, HYPER, f"grant super on localhost+:** to {SUPERUSER}")
    await says(world, APP, f"grant perm +csd-Rwx on {APP}+:** to {APP}:users:**<User>")
    await says(world, APP, f"grant perm +csd-rwX on {APP}:**<Mechtron> to {APP}:users:**<User>")
    assert await status(world, APP, f"grant perm +CSD-RWX on {SUPERUSER} to {SCOTT}") == 403  # it has no power there
    await says(world, APP, f"grant priv property:email:read on {APP}:users:**<User> to {APP}:**<Mechtron>")

    assert await access(world, HYPER, SUPERUSER) == "SuperOwner"
    assert await access(world, SUPERUSER, "localhost") == "Super"
    assert await access(world, SUPERUSER, APP) == "SuperOwner"
    assert await access(world, APP, SCOTT) == "Owner"
    assert await access(world, SCOTT, SUPERUSER) == "csd-rwx"
    assert await access(world, SCOTT, APP) == "csd-rwx"  # the app does not own itself

    assert await status(world, SCOTT, f"chown {APP}+:** to {APP}") == 403
    changed = await says(world, SUPERUSER, f"chown {APP}+:** to {APP}")
    assert changed == {"owner": APP, "changed": [APP, MECHTRON, "localhost:app:users", SCOTT]}
    assert await access(world, SCOTT, SUPERUSER) == "csd-rwx"
    assert await access(world, SCOTT, APP) == "csd-Rwx"
    assert await access(world, SCOTT, MECHTRON) == "csd-RwX"
    await says(world, APP, f"grant perm &csd-rwX on {APP}:**<Mechtron> to {APP}:users:**<User>")
    assert await access(world, SCOTT, MECHTRON) == "csd-rwX"
    assert await access(world, MECHTRON, SCOTT) == "csd-rwx with property:email:read"
    listed = await says(world, HYPER, "grants on +:**")
    assert [grant["id"] for grant in listed] == sorted(grant["id"] for grant in listed)
    assert len(listed) == 6


async def test_what_a_command_has_granted_counts_for_the_very_next_wave(world: Machine) -> None:
    assert await status(world, NOBODY, f"get {APP} {{}}") == 404
    grant = await says(world, SUPERUSER, f"grant perm +csd-Rwx on {APP} to {NOBODY}")
    assert grant == {"id": grant["id"], "gives": "perm +csd-Rwx", "on": APP, "to": NOBODY, "by": SUPERUSER}
    assert await status(world, NOBODY, f"get {APP} {{}}") == 200
    await says(world, SUPERUSER, f"revoke {grant['id']}")
    assert await status(world, NOBODY, f"get {APP} {{}}") == 404
    await says(world, HYPER, f"chown {APP} to {NOBODY}")
    assert await status(world, NOBODY, f"get {APP} {{}}") == 200
    assert await status(world, SUPERUSER, f"get {APP} {{}}") == 404


async def test_a_grant_goes_when_its_grantor_loses_its_access(world: Machine) -> None:
    grant = await says(world, HYPER, f"grant super on {APP}+:** to {NOBODY}")
    await says(world, NOBODY, f"grant perm +csd-Rwx on {APP} to {SCOTT}")
    assert await access(world, SCOTT, APP) == "csd-Rwx"
    await says(world, HYPER, f"revoke {grant['id']}")
    assert await access(world, SCOTT, APP) == "csd-rwx"


async def test_two_who_grant_one_another_everything_have_nothing(world: Machine) -> None:
    first = await says(world, HYPER, f"grant super on {APP} to {NOBODY}")
    await says(world, NOBODY, f"grant super on {APP} to {SCOTT}")
    await says(world, SCOTT, f"grant super on {APP} to {NOBODY}")
    await says(world, HYPER, f"revoke {first['id']}")
    assert await access(world, NOBODY, APP) == "csd-rwx"
    assert await access(world, SCOTT, APP) == "csd-rwx"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (f"grant perm +csd-Rwx on {APP} to {NOBODY}", 403),
        (f"grant super on {APP} to {NOBODY}", 403),
        (f"grant perm &csd-rwx on {APP} to {SUPERUSER}", 403),
        (f"grant perm +csd-Rwx on localhost:nowhere to {NOBODY}", 403),
        (f"grant perm +csd-Rwx on localhost:nowhere+:** to {NOBODY}", 403),
        (f"grant perm +csd-Rwx on {APP} to localhost:users:nobdy", 403),
        (f"grant perm +csd-Rwx on {APP} to", 400),
        ("grant perm +CSD on localhost to localhost", 400),
        ("revoke 17", 404),
        (f"chown {APP} to {NOBODY}", 403),
        ("chown localhost:nowhere to localhost", 403),
        (f"explain {SCOTT} on {APP}", 404),
        (f"access {APP}", 404),
        (f"explain {NOBODY} on localhost:nowhere", 404),
    ],
)
async def test_who_has_no_power_changes_nothing_and_is_told_why(world: Machine, command: str, expected: int) -> None:
    before = await world.registry.grants()
    (result,) = await world.client(NOBODY).exec(command, check=False)
    assert result.status == expected, result.body
    assert result.error
    assert await world.registry.grants() == before
    assert (await world.registry.record(Point.parse(APP))).owner == Point.parse(SUPERUSER)


async def test_a_refused_grant_explains_what_its_grantor_has(world: Machine) -> None:
    await world.registry.grant(AccessGrant.parse(f"perm +cSd-rwx on localhost to {NOBODY} by {HYPER}"))
    (result,) = await world.client(NOBODY).exec(f"grant perm +csd-Rwx on {APP} to {NOBODY}", check=False)
    assert f"'{NOBODY}' may not grant anything on '{APP}'" in result.error
    assert "a grantor needs full access" in result.body["hint"]
    assert f"on {APP} it has csd-rwx: nothing is granted, and the owner is {SUPERUSER}" in result.body["hint"]


async def test_full_access_is_not_enough_to_grant_super_or_to_change_the_owner(world: Machine) -> None:
    assert await status(world, SUPERUSER, f"grant super on {APP} to {NOBODY}") == 403  # it only owns it
    assert await status(world, SUPERUSER, f"chown {APP} to {NOBODY}") == 403


async def test_an_owner_grants_on_particles_that_are_still_to_come(world: Machine) -> None:
    await says(world, APP, "grant perm +csd-Rwx on localhost:app:users:scott:** to " + NOBODY)
    assert await status(world, NOBODY, "grant perm +csd-Rwx on localhost:app:users:scott:** to " + NOBODY) == 403


async def test_a_grant_is_revoked_by_its_grantor_its_owner_and_who_is_full_there(world: Machine) -> None:
    made = [(await says(world, HYPER, f"grant super on {APP}+:** to {NOBODY}"))["id"]]
    made += [(await says(world, NOBODY, f"grant perm +csd-Rwx on {APP} to {SCOTT}"))["id"] for _ in range(3)]
    assert await status(world, SCOTT, f"revoke {made[1]}") == 403  # it is to scott, who knows of it
    assert await status(world, MECHTRON, f"revoke {made[1]}") == 404  # nobody told this one
    await says(world, NOBODY, f"revoke {made[1]}")
    await says(world, SUPERUSER, f"revoke {made[2]}")  # owns the app
    await says(world, HYPER, f"revoke {made[3]}")
    assert [grant.id for grant in await world.registry.grants()] == [made[0]]


async def test_grants_are_listed_by_particle_and_agent_for_those_who_may_know(world: Machine) -> None:
    for text in (
        f"perm +csd-Rwx on {APP}+:** to {APP}:users:**<User>",
        f"priv p on {MECHTRON} to {NOBODY}",
        f"perm +csd-rwX on localhost:users:** to {HYPER}",
    ):
        await says(world, HYPER, f"grant {text}")

    async def ids(agent: str, filters: str = "") -> list[int]:
        return [grant["id"] for grant in await says(world, agent, f"grants{filters}")]

    assert await ids(HYPER) == [1, 2, 3]
    assert await ids(HYPER, f" on {MECHTRON}") == [1, 2]  # also what begins above it
    assert await ids(HYPER, f" on {APP}+:**") == [1, 2]
    assert await ids(HYPER, f" to {SCOTT}") == [1]
    assert await ids(HYPER, f" to {HYPER}") == [3]
    assert await ids(HYPER, f" on {MECHTRON} to {NOBODY}") == [2]
    assert await ids(NOBODY) == [2]
    assert await ids(SCOTT) == [1]
    assert await ids(SUPERUSER) == [1]  # the owner of the app
    assert await ids(MECHTRON) == []


async def test_explain_names_the_need_the_rule_the_grants_and_who_could_give_it(world: Machine) -> None:
    await says(world, SUPERUSER, f"grant perm +csd-RwX on {APP} to {NOBODY}")
    await says(world, SUPERUSER, f"grant perm &CSD-RWx on {APP} to {NOBODY}")
    await world.registry.grant(  # of one who has no power
        AccessGrant.parse(f"perm +csd-rWx on {APP} to {NOBODY} by {SCOTT}")
    )
    found = await says(world, NOBODY, f"explain {NOBODY} on {APP} Ext<Do>")
    assert found["allowed"] is False
    assert found["needs"] == {"permission": "x", "privilege": "", "power": ""}
    assert found["access"] == "csd-Rwx"
    assert found["owner"] == SUPERUSER
    taken = [(row["id"], row["by"], row["counts"]) for row in found["reasons"] if row["decides"]]
    assert taken == [("2", SUPERUSER, True)]
    void = next(row for row in found["reasons"] if not row["counts"])
    assert void["why"] == f"{SCOTT} has no full access there"
    assert f"its owner '{SUPERUSER}' or the hyperuser may: grant perm +csd-rwX" in found["hint"]
    assert (await says(world, NOBODY, f"explain {NOBODY} on {APP} Cmd<Read>"))["allowed"] is True
    assert (await says(world, SUPERUSER, f"explain {NOBODY} on {APP} Cmd<Bounce>"))["allowed"] is True


async def test_explain_knows_the_privilege_of_a_handler_also_of_the_machines_own(world: Machine) -> None:
    found = await says(world, NOBODY, f"explain {NOBODY} on GLOBAL::machine Ext<Drain>")
    assert found["allowed"] is False
    assert found["needs"]["permission"] == "x"
    found = await says(world, HYPER, f"explain {HYPER} on GLOBAL::machine Ext<Drain>")
    assert found["needs"]["privilege"] == "machine:drain"
    assert found["allowed"] is True


async def test_access_lists_who_may_do_what(world: Machine) -> None:
    await says(world, SUPERUSER, f"grant perm +csd-Rwx on {APP} to localhost:users:**<User>")
    found = await says(world, SUPERUSER, f"access {APP}")
    holders = {row["agent"]: (row["access"], row["grants"]) for row in found["holders"]}
    assert holders == {
        HYPER: ("Super", []),
        SUPERUSER: ("Owner", [1]),
        NOBODY: ("csd-Rwx", [1]),
    }
    assert found["complete"] is True
    assert SUPERUSER in found["note"]


async def test_a_dry_run_tells_who_would_gain_what_and_changes_nothing(world: Machine) -> None:
    await says(world, HYPER, f"grant super on {APP} to {NOBODY}")
    before = await world.registry.grants()
    found = await says(world, NOBODY, f"grant perm +csd-Rwx on {APP}+:** to {APP}:users:**<User> dry-run")
    assert found == {
        "would_change": [{"agent": SCOTT, "point": APP, "now": "csd-rwx", "then": "csd-Rwx"}],
        "complete": True,
    }
    found = await says(world, HYPER, "revoke 1 dry-run")
    assert found["would_change"] == [{"agent": NOBODY, "point": APP, "now": "Super", "then": "csd-rwx"}]
    found = await says(world, HYPER, f"chown {APP} to {NOBODY} dry-run")
    rows = {row["agent"]: (row["now"], row["then"]) for row in found["would_change"]}
    assert rows == {SUPERUSER: ("Owner", "csd-rwx"), NOBODY: ("Super", "SuperOwner")}
    assert await world.registry.grants() == before
    assert await status(world, SCOTT, f"grant perm +csd-Rwx on {APP} to {SCOTT} dry-run") == 403


async def test_a_dry_run_tells_what_follows_for_others(world: Machine) -> None:
    """A grant of one who has no power yet begins to count when its grantor gets it."""
    await world.registry.grant(AccessGrant.parse(f"perm +csd-Rwx on {APP} to {SCOTT} by {NOBODY}"))
    found = await says(world, HYPER, f"grant super on {APP} to {NOBODY} dry-run")
    rows = {row["agent"]: row["then"] for row in found["would_change"]}
    assert rows == {NOBODY: "Super", SCOTT: "csd-Rwx"}


async def test_a_refused_administrative_act_is_logged_once(
    world: Machine, caplog: pytest.LogCaptureFixture, clock: ManualClock
) -> None:
    with caplog.at_level("INFO", logger="hyperverse.security"):
        await status(world, NOBODY, f"grant super on {APP} to {NOBODY}")
    assert len([r for r in caplog.records if r.message.startswith(f"denied: {NOBODY} grant {APP}")]) == 1


async def test_refusals_of_one_agent_are_folded_in_the_log(
    world: Machine, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    nobody, other = world.client("localhost:nobody"), world.client("localhost:other")
    with caplog.at_level("INFO", logger="hyperverse.security"):
        for _ in range(500):
            assert (await nobody.ping("localhost", "Ext<A>")).status == 404
        assert (await other.ping("localhost", "Ext<A>")).status == 404
        await clock.advance(2)
    lines = [record.getMessage() for record in caplog.records if record.getMessage().startswith("denied: ")]
    assert len([line for line in lines if "localhost:nobody" in line]) <= 25
    assert any("localhost:other Ext<A>" in line for line in lines)
    assert sum(int(line.split(", ")[1].split()[0]) for line in lines if " more within " in line) == 480
