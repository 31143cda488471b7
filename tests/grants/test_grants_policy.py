"""What the default policy does beyond what every policy does."""

from __future__ import annotations

import hashlib

import pytest

from hyperverse_core.contracts.policy import Knock, Need
from hyperverse_core.contracts.registry import ParticleRecord, Registration, TokenRecord
from hyperverse_core.errors import ConfigError, Forbidden, InternalError, Unauthorized
from hyperverse_core.testing import MemoryRegistry
from hyperverse_core.testing.policy_conformance import PolicyWorld
from hyperverse_core.universe.access.access import Access, AccessGrant
from hyperverse_core.universe.access.scope import Scope
from hyperverse_core.universe.address.point import ANONYMOUS, HYPERUSER, Point
from hyperverse_core.universe.address.star_key import StarKey
from hyperverse_core.universe.kinds.kind import Kind
from hyperverse_grants.policy import GrantsPolicy

ALICE, BOB = Point.parse("localhost:users:alice"), Point.parse("localhost:users:bob")
NOTES, COUNTER = Point.parse("localhost:alice:notes"), Point.parse("localhost:alice:notes:counter")
HERS = Point.parse("localhost:alice")


async def a_world(**settings: bool) -> PolicyWorld:
    return await PolicyWorld.make(GrantsPolicy(settings))


async def register(world: PolicyWorld, point: Point, kind: str, owner: Point) -> ParticleRecord:
    return (await world.registry.register(Registration(point, Kind.parse(kind), owner))).record


class CountingRegistry(MemoryRegistry):
    """Counts the questions about grants."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def grants(self, roots: object = None) -> list[AccessGrant]:
        self.asked += 1
        return await super().grants(roots)  # type: ignore[arg-type]  # handed on as it came


# -- the same owner -------------------------------------------------------------------------------------------


async def test_what_a_person_runs_may_work_on_what_that_person_owns() -> None:
    world = await a_world()
    await register(world, COUNTER, "Counter", ALICE)
    assert await world.allows(NOTES, COUNTER, "x")
    assert await world.allows(COUNTER, HERS, "w")


async def test_a_user_gains_nothing_by_belonging_to_the_same_user() -> None:
    world = await a_world()
    target = await register(world, Point.parse("localhost:thing"), "App", HYPERUSER)
    assert not await world.allows(BOB, target.point, "r")  # bob belongs to the hyperuser as well


async def test_what_belongs_to_an_app_is_not_shared_by_what_else_the_app_owns() -> None:
    world = await a_world()
    one = await register(world, COUNTER, "Counter", NOTES)
    other = await register(world, Point.parse("localhost:alice:notes:other"), "Counter", NOTES)
    assert not await world.allows(one.point, other.point, "r")


async def test_the_rule_of_the_same_owner_can_be_switched_off() -> None:
    world = await a_world(same_owner=False)
    await register(world, COUNTER, "Counter", ALICE)
    assert not await world.allows(NOTES, COUNTER, "x")


# -- stars and strangers --------------------------------------------------------------------------------------


async def test_a_star_acts_for_the_platform() -> None:
    world = await a_world()
    star = StarKey("central", "fold").point
    assert await world.try_for(star, HERS, Need("w")) == Access.SUPER


@pytest.mark.parametrize("below", ["controls", "controls:control-1", "counter"])
async def test_what_lives_in_the_address_space_of_a_star_does_not(below: str) -> None:
    world = await a_world()
    inside = StarKey("central", "fold").point.child(below)
    assert await world.try_for(inside, HERS, Need("r")) is None


async def test_the_same_path_under_another_route_is_somebody_else() -> None:
    world = await a_world()
    await world.registry.grant(AccessGrant.parse(f"perm +CSD-RWX on {HERS} to {BOB} by {ALICE}"))
    world.policy.forget()
    assert await world.allows(BOB, HERS, "r")
    assert not await world.allows(Point.parse(f"GLOBAL::{BOB}"), HERS, "r")


# -- anonymous ------------------------------------------------------------------------------------------------


async def test_without_a_token_nobody_comes_in() -> None:
    world = await a_world()
    with pytest.raises(Unauthorized, match="no token") as caught:
        await world.policy.authenticate(Knock())
    assert "HYPERVERSE_TOKEN" in caught.value.hint


async def test_where_the_config_says_so_anybody_comes_in_as_anonymous() -> None:
    world = await a_world(anonymous=True)
    assert await world.policy.authenticate(Knock()) == ANONYMOUS


async def test_a_wrong_token_does_not_make_one_anonymous() -> None:
    world = await a_world(anonymous=True)
    with pytest.raises(Unauthorized, match="not known"):
        await world.policy.authenticate(Knock("wrong"))


async def test_anonymous_may_do_what_a_grant_gives_it() -> None:
    world = await a_world(anonymous=True)
    await world.registry.grant(AccessGrant.parse(f"perm +csd-Rwx on {HERS} to {ANONYMOUS} by {ALICE}"))
    world.policy.forget()
    assert await world.allows(ANONYMOUS, HERS, "r")
    assert not await world.allows(ANONYMOUS, HERS, "w")


async def test_a_grant_to_anonymous_counts_where_nobody_has_registered_it() -> None:
    world = await a_world()
    await world.registry.delete([ANONYMOUS])
    await world.registry.grant(AccessGrant.parse(f"perm +csd-Rwx on {HERS} to {ANONYMOUS} by {ALICE}"))
    assert await world.allows(ANONYMOUS, HERS, "r")


# -- tokens ---------------------------------------------------------------------------------------------------


async def test_the_token_of_somebody_who_was_deleted_is_refused() -> None:
    world = await a_world()
    await world.registry.delete([ALICE])
    with pytest.raises(Unauthorized, match="does not exist"):
        await world.policy.authenticate(Knock("a-secret-that-nobody-may-see"))


async def test_the_hyperuser_comes_in_where_nobody_is_registered() -> None:
    world = await a_world()
    await world.registry.delete([Point.parse("hyperspace")])
    await world.registry.add_token(TokenRecord(hashlib.sha256(b"owner's").hexdigest(), HYPERUSER, "owner"))
    assert await world.policy.authenticate(Knock("owner's")) == HYPERUSER


# -- what it costs --------------------------------------------------------------------------------------------


async def test_an_owner_is_let_through_without_any_look_up() -> None:
    registry = CountingRegistry()
    world = await counted(registry)
    assert await world.allows(ALICE, HERS, "x")
    assert (world.look_ups, registry.asked) == (0, 0)


async def test_the_same_owner_costs_one_look_up_and_no_question_to_the_registry() -> None:
    registry = CountingRegistry()
    world = await counted(registry)
    await register(world, COUNTER, "Counter", ALICE)
    assert await world.allows(NOTES, COUNTER, "x")
    assert (world.look_ups, registry.asked) == (1, 0)


async def test_grants_are_read_once_until_it_is_told_to_forget() -> None:
    registry = CountingRegistry()
    world = await counted(registry)
    for _ in range(3):
        assert not await world.allows(BOB, HERS, "r")
    assert registry.asked == 1
    world.policy.forget()
    assert not await world.allows(BOB, HERS, "r")
    assert registry.asked == 2


async def counted(registry: CountingRegistry) -> PolicyWorld:
    """The world of the kit, with a registry that counts."""
    return await PolicyWorld.make(GrantsPolicy(), registry)


# -- what it says ---------------------------------------------------------------------------------------------


async def test_a_refusal_says_who_may_grant_it_and_how() -> None:
    world = await a_world()
    error = await world.refusal(BOB, HERS, Need("x"))
    assert error.message == f"'{BOB}' may not execute '{HERS}'"
    assert f"its owner '{ALICE}' or the hyperuser" in error.hint
    assert f"grant perm +csd-rwX on {HERS} to {BOB}" in error.hint


async def test_what_a_refusal_proposes_lets_the_agent_through() -> None:
    world = await a_world()
    for need in (Need("c"), Need("s"), Need("d"), Need("r"), Need("w"), Need("", "email:read")):
        proposed = (await world.refusal(BOB, HERS, need)).hint.partition("grant ")[2]
        await world.registry.grant(AccessGrant.parse(f"{proposed} by {ALICE}"))
        world.policy.forget()
        assert await world.try_for(BOB, HERS, need) is not None


async def test_a_scope_that_is_too_narrow_is_named_as_the_reason() -> None:
    world = await a_world()
    with pytest.raises(Forbidden, match="scope"):
        await world.policy.authorize(ALICE, Need("w"), await world.registry.record(HERS), scope=Scope.NONE)


async def test_an_explanation_names_the_rule_the_owner_and_the_grants() -> None:
    world = await a_world()
    policy = world.policy
    assert isinstance(policy, GrantsPolicy)
    await world.registry.grant(AccessGrant.parse(f"perm +csd-Rwx on {HERS} to {BOB} by {ALICE}"))
    policy.forget()
    said = str(await policy.explain(BOB, await world.registry.record(HERS)))
    assert f"owner: {ALICE}" in said
    assert "csd-Rwx" in said
    assert "counts" in said


# -- settings -------------------------------------------------------------------------------------------------


def test_an_unknown_setting_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="same_owner") as caught:
        GrantsPolicy({"same_ovner": True, "anonymous": "yes"})
    assert len(caught.value.faults) == 2


async def test_it_cannot_be_asked_before_it_is_opened() -> None:
    with pytest.raises(InternalError, match="before it was opened"):
        await GrantsPolicy().authenticate(Knock("anything"))
