"""What the default policy does beyond what every policy does."""

from __future__ import annotations

import hashlib
import time

import pytest

from hyperverse_core.contracts.policy import Credentials, Need, Vouched
from hyperverse_core.contracts.registry import ParticleRecord, Registration, TokenRecord
from hyperverse_core.errors import ConfigError, InternalError, Unauthorized
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

    async def grant_roots(self, most: int) -> frozenset[Point] | None:
        self.asked += 1
        return await super().grant_roots(most)


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
    star = Point.of_star(StarKey("central", "fold"))
    assert isinstance(world.policy, GrantsPolicy)
    assert await world.allows(star, HERS, "w")
    assert await world.policy.access(star, await world.registry.record(HERS)) == Access.SUPER


@pytest.mark.parametrize("below", ["controls", "controls:control-1", "counter"])
async def test_what_lives_in_the_address_space_of_a_star_does_not(below: str) -> None:
    world = await a_world()
    inside = Point.of_star(StarKey("central", "fold")).child(below)
    assert not await world.allows(inside, HERS, "r")


async def test_the_same_path_under_another_route_is_somebody_else() -> None:
    world = await a_world()
    await world.grant(f"perm +CSD-RWX on {HERS} to {BOB} by {ALICE}")
    assert await world.allows(BOB, HERS, "r")
    assert not await world.allows(Point.parse(f"GLOBAL::{BOB}"), HERS, "r")


# -- anonymous ------------------------------------------------------------------------------------------------


async def test_without_a_token_nobody_comes_in() -> None:
    world = await a_world()
    with pytest.raises(Unauthorized, match="no token") as caught:
        await world.policy.authenticate(Credentials())
    assert "HYPERVERSE_TOKEN" in caught.value.hint


async def test_where_the_config_says_so_anybody_comes_in_as_anonymous() -> None:
    world = await a_world(anonymous=True)
    assert await world.policy.authenticate(Credentials()) == ANONYMOUS


async def test_a_wrong_token_does_not_make_one_anonymous() -> None:
    world = await a_world(anonymous=True)
    with pytest.raises(Unauthorized, match="not known"):
        await world.policy.authenticate(Credentials("wrong"))


async def test_anonymous_may_do_what_a_grant_gives_it() -> None:
    world = await a_world(anonymous=True)
    await world.grant(f"perm +csd-Rwx on {HERS} to {ANONYMOUS} by {ALICE}")
    assert await world.allows(ANONYMOUS, HERS, "r")
    assert not await world.allows(ANONYMOUS, HERS, "w")


async def test_a_grant_to_anonymous_counts_where_nobody_has_registered_it() -> None:
    world = await a_world()
    await world.registry.delete([ANONYMOUS])
    await world.grant(f"perm +csd-Rwx on {HERS} to {ANONYMOUS} by {ALICE}")
    assert await world.allows(ANONYMOUS, HERS, "r")


# -- access ---------------------------------------------------------------------------------------------------


async def test_the_hyperuser_has_super_access_and_an_owner_the_owners() -> None:
    world = await a_world()
    assert isinstance(world.policy, GrantsPolicy)
    hers = await world.registry.record(HERS)
    assert (await world.policy.access(HYPERUSER, hers)).has_super
    assert await world.policy.access(ALICE, hers) == Access.OWNER


async def test_an_answer_covers_what_the_access_covers() -> None:
    world = await a_world()
    assert isinstance(world.policy, GrantsPolicy)
    await world.grant(f"perm +csD-RwX on {HERS} to {BOB} by {ALICE}")
    for agent in (HYPERUSER, ANONYMOUS, ALICE, BOB, NOTES):
        for target in (Point.parse("localhost"), HERS, NOTES):
            access = await world.policy.access(agent, await world.registry.record(target))
            for letter in "csdrwx":
                assert await world.allows(agent, target, letter) == access.permissions().has(letter)


# -- tokens ---------------------------------------------------------------------------------------------------


async def test_the_token_of_somebody_who_was_deleted_is_refused() -> None:
    world = await a_world()
    await world.registry.delete([ALICE])
    with pytest.raises(Unauthorized, match="not known"):
        await world.policy.authenticate(Credentials("a-secret-that-nobody-may-see"))
    await world.registry.add_token(TokenRecord(hashlib.sha256(b"added-later").hexdigest(), ALICE))
    with pytest.raises(Unauthorized, match="does not exist"):
        await world.policy.authenticate(Credentials("added-later"))


async def test_whom_a_gateway_names_comes_in_as_long_as_that_is_a_user_and_its_word_counts() -> None:
    world = await a_world(anonymous=True)
    await register(world, Point.parse("hyperspace:users:ann"), "User", HYPERUSER)
    await register(world, Point.parse("hyperspace:app"), "App", HYPERUSER)

    def named(point: str, seconds: float = 60.0) -> Credentials:
        return Credentials(vouched=Vouched(Point.parse(point), time.time() + seconds, "the club"))

    ann = await world.policy.identify(named("hyperspace:users:ann"))
    assert (ann.agent.text, ann.scope, ann.name) == ("hyperspace:users:ann", None, "the club") and ann.expires
    for wrong in (
        named("hyperspace:users:bob"),
        named("hyperspace:app"),
        named("<<STAR::machine:local[0]>>::star"),
        named("hyperspace:users:ann", -1.0),
    ):
        with pytest.raises(Unauthorized):
            await world.policy.identify(wrong)
    await world.registry.delete([Point.parse("hyperspace:users:ann")])
    with pytest.raises(Unauthorized, match="there is no user"):
        await world.policy.identify(named("hyperspace:users:ann"))


async def test_the_hyperuser_comes_in_where_nobody_is_registered() -> None:
    world = await a_world()
    await world.registry.delete([Point.parse("hyperspace")])
    await world.registry.add_token(TokenRecord(hashlib.sha256(b"owner's").hexdigest(), HYPERUSER, "owner"))
    assert await world.policy.authenticate(Credentials("owner's")) == HYPERUSER


async def test_a_machine_comes_in_with_the_token_of_its_own_star() -> None:
    world = await a_world()
    star = Point.of_star(StarKey("machine", "beta"))
    await world.registry.add_token(TokenRecord(hashlib.sha256(b"beta's").hexdigest(), star, "beta"))
    await world.policy.authenticate_machine("beta", Credentials("beta's"))
    with pytest.raises(Unauthorized, match="does not belong to the machine 'gamma'"):
        await world.policy.authenticate_machine("gamma", Credentials("beta's"))


async def test_the_token_of_a_machine_lets_no_client_in() -> None:
    world = await a_world()
    star = Point.of_star(StarKey("machine", "beta"))
    await world.registry.add_token(TokenRecord(hashlib.sha256(b"beta's").hexdigest(), star, "beta"))
    with pytest.raises(Unauthorized, match="for a machine"):
        await world.policy.authenticate(Credentials("beta's"))


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


async def test_grants_are_read_once_until_one_is_made_there() -> None:
    registry = CountingRegistry()
    world = await counted(registry)
    for _ in range(3):
        assert not await world.allows(BOB, HERS, "r")
    assert registry.asked == 1
    await world.grant(f"perm +csd-Rwx on localhost:users to {BOB} by {ALICE}")
    await world.registry.delete([NOTES])
    await world.catch_up()
    assert not await world.allows(BOB, HERS, "r")
    assert registry.asked == 1
    await world.grant(f"perm +csd-Rwx on {HERS} to {BOB} by {ALICE}")
    assert await world.allows(BOB, HERS, "r")
    assert registry.asked == 2


async def test_many_questions_cost_one_look_up_of_grants_and_one_of_records() -> None:
    registry = CountingRegistry()
    world = await counted(registry)
    requests = [await world.request(agent, HERS, letter) for agent in (ALICE, BOB, NOTES) for letter in "rwx"]
    requests += [await world.request(BOB, point, "r") for point in (NOTES, BOB, ALICE)]
    decisions = await world.policy.decide_many(requests)
    assert [decision.allowed for decision in decisions] == [True] * 3 + [False] * 3 + [True] * 3 + [False] * 3
    assert (world.look_ups, registry.asked) == (1, 1)


async def counted(registry: CountingRegistry) -> PolicyWorld:
    """The world of the kit, with a registry that counts."""
    return await PolicyWorld.make(GrantsPolicy(), registry)


# -- what it says ---------------------------------------------------------------------------------------------


async def test_a_refusal_says_who_may_grant_it_and_how() -> None:
    world = await a_world()
    error = await world.refusal(BOB, HERS, "x")
    assert error.why == f"'{BOB}' may not execute '{HERS}'"
    assert f"its owner '{ALICE}' or the hyperuser" in error.hint
    assert f"grant perm +csd-rwX on {HERS} to {BOB}" in error.hint


async def test_what_a_refusal_proposes_lets_the_agent_through() -> None:
    world = await a_world()
    for need in (Need("c"), Need("s"), Need("d"), Need("r"), Need("w"), Need("", "email:read")):
        proposed = (await world.refusal(BOB, HERS, need)).hint.partition("grant ")[2]
        await world.grant(f"{proposed} by {ALICE}")
        assert await world.allows(BOB, HERS, need)


async def test_a_scope_that_is_too_narrow_is_named_as_the_reason() -> None:
    world = await a_world()
    refusal = await world.decide(ALICE, HERS, "w", Scope.NONE)
    assert not refusal.allowed
    assert "scope" in refusal.why
    assert "hyperverse whoami" in refusal.hint


async def test_an_explanation_names_the_rule_the_owner_and_the_grants() -> None:
    world = await a_world()
    await world.grant(f"perm +csd-Rwx on {HERS} to {BOB} by {ALICE}")
    said = str(await world.policy.explain(await world.request(BOB, HERS, "r")))
    assert f"owner: {ALICE}" in said
    assert "csd-Rwx" in said
    assert "counts" in said


async def test_an_explanation_marks_what_decides() -> None:
    world = await a_world()
    gives = await world.grant(f"perm +csd-RWx on {HERS} to {BOB} by {ALICE}")
    void = await world.grant(f"perm +csd-rWx on {HERS} to {BOB} by {BOB}")
    takes = await world.grant(f"perm &csd-RwX on {HERS} to {BOB} by {ALICE}")

    async def deciding(letter: str) -> list[str]:
        explanation = await world.policy.explain(await world.request(BOB, HERS, letter))
        assert not [reason for reason in explanation.reasons if reason.id == str(void.id) and reason.decides]
        return [reason.id for reason in explanation.reasons if reason.decides]

    assert await deciding("r") == [str(gives.id)]
    assert await deciding("w") == [str(takes.id)]
    assert await deciding("x") == []
    above = await world.grant(f"super on {HERS}+:** to {BOB} by {HYPERUSER}")
    assert await deciding("w") == [str(above.id)]


# -- settings -------------------------------------------------------------------------------------------------


def test_an_unknown_setting_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="same_owner") as caught:
        GrantsPolicy({"same_ovner": True, "anonymous": "yes"})
    assert len(caught.value.faults) == 2


async def test_it_cannot_be_asked_before_it_is_opened() -> None:
    with pytest.raises(InternalError, match="before it was opened"):
        await GrantsPolicy().authenticate(Credentials("anything"))
