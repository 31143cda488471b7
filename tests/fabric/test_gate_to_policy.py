"""The gate asks the policy once, and keeps its answers until what they rest on changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import attrs
import pytest

from fabric.gate_world import (
    ALICE,
    BOB,
    ELSEWHERE,
    HOME,
    Asked,
    World,
    by_owner,
    make,
    particle,
    ping,
)
from hyperverse_core.contracts.policy import (
    Decision,
    HoldsFor,
    Need,
    Request,
)
from hyperverse_core.contracts.registry import ChangeKind
from hyperverse_core.errors import Forbidden, Unauthorized
from hyperverse_core.universe.access.scope import Scope
from hyperverse_core.universe.address.point import HYPERUSER, Point
from hyperverse_core.universe.address.star_key import StarKey


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = make()
    yield world
    await world.gate.answers.close()


# -- yes and no are kept --------------------------------------------------------------------------------------


async def test_the_policy_is_asked_once_for_a_yes_and_once_for_a_no(world: World) -> None:
    home = particle()
    for _ in range(3):
        assert await world.status(ALICE, home) == 200
        assert await world.status(BOB, home) == 403
    assert world.asked == 2


async def test_a_yes_is_where_the_hot_path_looks(world: World) -> None:
    home = particle()
    await world.status(ALICE, home)
    await world.status(ALICE, home, "Cmd<Read>")
    await world.status(BOB, home)
    assert home.allowed == {ALICE.text: "xr"}


async def test_waves_and_commands_share_their_answers(world: World) -> None:
    home = particle()
    assert await world.act(ALICE, "get", "r", home) == 200
    assert await world.act(BOB, "get", "r", home) == 403
    assert await world.status(ALICE, home, "Cmd<Read>") == 200
    assert await world.status(BOB, home, "Cmd<Read>") == 403
    assert world.asked == 2


async def test_a_particle_that_comes_back_finds_its_answers(world: World) -> None:
    await world.status(ALICE, particle())
    again = particle()
    assert await world.status(ALICE, again) == 200
    assert again.allowed == {ALICE.text: "x"}
    assert world.asked == 1


async def test_what_changes_for_one_particle_changes_for_no_other_that_the_same_agent_reaches(world: World) -> None:
    first, second, third = (particle(Point.parse(f"localhost:{name}")) for name in ("a", "b", "c"))
    for target in (first, second, third):
        await world.status(ALICE, target)
    assert first.allowed is second.allowed is third.allowed, "one dict for all, to save memory"
    await world.status(ALICE, first, "Cmd<Read>")
    world.change(second.record.point)
    assert [target.allowed for target in (first, second, third)] == [{ALICE.text: "xr"}, {}, {ALICE.text: "x"}]


async def test_a_particle_with_more_agents_keeps_the_others_when_one_loses_a_permission(world: World) -> None:
    home = particle()
    world.policy.answer = lambda request: Decision.allow("all may", rests_on=frozenset({request.agent}))
    for agent in (ALICE, BOB):
        for method in ("Ext<Get>", "Cmd<Read>"):
            await world.status(agent, home, method)
    assert home.allowed == {ALICE.text: "xr", BOB.text: "xr"}
    world.change(ALICE)
    assert home.allowed == {BOB.text: "xr"}
    world.change(BOB)
    assert home.allowed == {}


async def test_one_that_has_left_shows_nothing_and_keeps_nothing_alive(world: World) -> None:
    home = particle()
    await world.status(ALICE, home)
    world.gate.answers.left(home)
    assert home.allowed == {}
    world.policy.pause = asyncio.Event()
    task = asyncio.create_task(world.status(ALICE, home, "Cmd<Read>"))
    await asyncio.sleep(0)
    home.gone = True
    world.policy.pause.set()
    assert await task == 200
    assert home.allowed == {}, "it left while the policy was asked"
    again = particle()
    assert await world.status(ALICE, again) == 200
    world.change(HOME)
    assert again.allowed == {}


async def test_a_change_is_seen_by_the_particle_that_lives_here_now(world: World) -> None:
    before, now = particle(), particle()
    await world.status(ALICE, before)
    await world.status(ALICE, now)
    assert before.allowed == {}, "a change could not take from both"
    world.change(HOME)
    assert now.allowed == {}


async def test_a_privilege_is_asked_for_once(world: World) -> None:
    home = particle()
    for _ in range(3):
        await world.gate.demand(home, ping(ALICE, home), "email:read")
        with pytest.raises(Forbidden):
            await world.gate.demand(home, ping(BOB, home), "email:read")
    assert [request.need for request in world.policy.asked] == [Need("", "email:read")] * 2
    assert home.allowed == {}


async def test_each_scope_is_asked_for_once(world: World) -> None:
    home = particle()
    for _ in range(3):
        for scope in (Scope.NONE, Scope.parse("{perm +csd-Rwx on localhost:alice}"), None):
            assert await world.status(ALICE, home, scope=scope) == 200
    assert world.asked == 3


async def test_a_request_says_what_there_is_to_say(world: World) -> None:
    home = particle()
    await world.status(ALICE, home, chain=("localhost:a",), topic="a-session", scope=Scope.FULL)
    expected = Request(ALICE, "Ext<Get>", Need("x"), home.record, Scope.FULL, ("localhost:a",), "a-session")
    assert world.policy.asked == [expected]


async def test_where_everybody_may_come_nobody_is_asked(world: World) -> None:
    home = particle()
    world.gate.open_to_all(home)
    assert await world.status(BOB, home) == 200
    assert "x" in home.allowed.get(BOB.text, "")
    assert world.asked == 0


async def test_waves_between_stars_are_theirs(world: World) -> None:
    home = particle()
    assert await world.status(Point.of_star(StarKey("central", "fold")), home, "Hyp<Search>") == 200
    assert await world.status(HYPERUSER, home, "Hyp<Search>") == 403
    assert world.asked == 0
    assert [row[:3] for row in world.denied] == [(HYPERUSER.text, HOME.text, "Hyp<Search>")]


# -- refusals are told ----------------------------------------------------------------------------------------


async def test_each_refusal_is_told_and_logged_of_waves_and_commands_alike(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hyperverse.security")
    home = particle()
    for _ in range(2):
        await world.status(BOB, home)
        await world.act(BOB, "delete", "d", home)
    told = [(BOB.text, HOME.text, action) for action in ("Ext<Get>", "delete")] * 2
    assert [row[:3] for row in world.denied] == told
    assert "may not" in world.denied[0][3]
    assert [record.message.split(":")[0] for record in caplog.records] == ["denied"] * 4


async def test_whoever_only_wants_to_know_tells_nobody(world: World) -> None:
    assert not (await world.gate.answers.decide(Request(BOB, "select", Need("s"), particle().record))).allowed
    assert world.denied == []


async def test_a_refusal_has_the_status_and_the_hint_of_the_policy() -> None:
    world = make(lambda request: Decision.refuse("who are you?", hint="show a token", status=401))
    with pytest.raises(Unauthorized, match="who are you") as caught:
        await world.gate.authorise(particle(), ping(BOB, particle()))
    assert caught.value.hint == "show a token"


# -- changes --------------------------------------------------------------------------------------------------


async def test_a_change_drops_the_answers_that_rest_on_it_and_no_other(world: World) -> None:
    home, other = particle(), particle(ELSEWHERE)
    for target in (home, other):
        for agent in (ALICE, BOB):
            await world.status(agent, target)
    world.change(HOME)
    assert home.allowed == {}
    assert other.allowed == {ALICE.text: "x"}
    for target in (home, other):
        for agent in (ALICE, BOB):
            await world.status(agent, target)
    assert [request.record.point for request in world.policy.asked[4:]] == [HOME, HOME]


async def test_a_change_of_the_agent_drops_its_answers_everywhere(world: World) -> None:
    home, other = particle(), particle(ELSEWHERE)
    for target in (home, other):
        await world.status(ALICE, target)
        await world.status(BOB, target)
    world.change(ALICE, ChangeKind.DELETED)
    assert (home.allowed, other.allowed) == ({}, {})
    assert await world.status(BOB, home) == 403
    assert world.asked == 4


async def test_two_hundred_waves_after_an_unrelated_delete_ask_nothing(world: World) -> None:
    targets = [particle(Point.parse(f"localhost:p{number}")) for number in range(200)]
    for target in targets:
        await world.status(ALICE, target)
    world.change(ELSEWHERE, ChangeKind.DELETED)
    assert [target.allowed for target in targets] == [{ALICE.text: "x"}] * 200
    for target in targets:
        await world.status(ALICE, target)
    assert world.asked == 200


@pytest.mark.parametrize("kind", [ChangeKind.STATE, ChangeKind.PROPERTIES, ChangeKind.ASSIGNED, ChangeKind.STATUS])
async def test_a_change_that_says_nothing_about_access_is_passed_over(world: World, kind: ChangeKind) -> None:
    home = particle()
    await world.status(ALICE, home)
    world.change(HOME, kind)
    assert home.allowed == {ALICE.text: "x"}
    assert world.policy.told == []


async def test_a_policy_may_say_that_properties_count() -> None:
    class ReadsProperties(Asked):
        change_kinds = Asked.change_kinds | {ChangeKind.PROPERTIES}

    world = make(policy=ReadsProperties())
    home = particle()
    await world.status(ALICE, home)
    world.change(HOME, ChangeKind.PROPERTIES)
    assert home.allowed == {}


async def test_the_policy_is_told_before_the_answers_are_dropped(world: World) -> None:
    world.change(HOME)
    world.change(ELSEWHERE, ChangeKind.DELETED)
    assert world.policy.told == [HOME, ELSEWHERE]


async def test_every_change_drops_an_answer_that_may_rest_on_anything() -> None:
    world = make(lambda request: Decision.allow("yes"))
    home = particle()
    await world.status(BOB, home)
    world.change(ELSEWHERE)
    assert home.allowed == {}
    await world.status(BOB, home)
    assert world.asked == 2


async def test_an_answer_that_rests_on_nothing_stays() -> None:
    world = make(lambda request: Decision.allow("always", rests_on=frozenset()))
    home = particle()
    await world.status(BOB, home)
    for point in (HOME, BOB, ELSEWHERE):
        world.change(point, ChangeKind.DELETED)
    assert home.allowed == {BOB.text: "x"}
    assert len(world.gate.answers) == 0, "the particle alone keeps it"
    world.gate.answers.lost()
    assert home.allowed == {}
    await world.status(BOB, home)
    assert world.asked == 2


async def test_a_refusal_that_rests_on_nothing_is_kept() -> None:
    world = make(lambda request: Decision.refuse("never", rests_on=frozenset()))
    home = particle()
    for _ in range(3):
        assert await world.status(BOB, home) == 403
    assert (world.asked, len(world.gate.answers)) == (1, 1)


async def test_a_yes_that_rests_on_nothing_is_kept_for_commands(world: World) -> None:
    world.policy.answer = lambda request: Decision.allow("always", rests_on=frozenset())
    for _ in range(3):
        assert await world.act(ALICE, "get", "r", particle()) == 200
    assert (world.asked, len(world.gate.answers)) == (1, 1)


async def test_a_particle_knows_so_many_agents_and_then_begins_anew() -> None:
    world = make(lambda request: Decision.allow("everybody", rests_on=frozenset()))
    home = particle()
    for number in range(10_000):
        assert await world.status(Point.parse(f"localhost:users:u{number}"), home) == 200
    assert 0 < len(home.allowed) <= 4096
    assert home.allowed["localhost:users:u9999"] == "x"


async def test_when_changes_were_missed_everything_is_dropped(world: World) -> None:
    home = particle()
    await world.status(ALICE, home)
    await world.status(BOB, home)
    world.gate.answers.lost()
    assert home.allowed == {}
    assert world.policy.forgotten == 1
    await world.status(ALICE, home)
    await world.status(BOB, home)
    assert world.asked == 4


async def test_an_answer_to_an_old_owner_is_none_to_a_new_one(world: World) -> None:
    home = particle()
    assert await world.status(BOB, home) == 403
    home.record = attrs.evolve(home.record, owner=BOB)
    assert await world.status(BOB, home) == 200


async def test_a_particle_whose_record_has_another_owner_forgets_who_may_come(world: World) -> None:
    home = particle()
    await world.status(ALICE, home)
    before, home.record = home.record, attrs.evolve(home.record, owner=BOB)
    world.gate.answers.renewed(home, before)
    assert home.allowed == {}
    assert await world.status(ALICE, home) == 403


# -- what an answer holds for ---------------------------------------------------------------------------------


def no_pay(request: Request) -> Decision:
    """Everybody may do everything but pay."""
    if request.action == "Ext<Pay>":
        return Decision.refuse("nobody pays here", rests_on=frozenset(), holds_for=HoldsFor.ACTION)
    return Decision.allow("why not", rests_on=frozenset(), holds_for=HoldsFor.ACTION)


async def test_an_answer_for_an_action_is_kept_for_that_action() -> None:
    world = make(no_pay)
    home = particle()
    for _ in range(3):
        assert await world.status(BOB, home, "Ext<Get>") == 200
        assert await world.status(BOB, home, "Ext<Pay>") == 403
        assert await world.act(BOB, "get", "x", home) == 200
    assert world.asked == 3
    assert home.allowed == {}, "the hot path does not know of actions"


async def test_waves_at_once_with_other_actions_get_answers_of_their_own() -> None:
    world = make(no_pay)
    home = particle()
    world.policy.pause = asyncio.Event()
    methods = ["Ext<Get>", "Ext<Pay>", "Ext<Get>", "Ext<Pay>"]
    tasks = [asyncio.create_task(world.status(BOB, home, method)) for method in methods]
    await asyncio.sleep(0)
    world.policy.pause.set()
    assert await asyncio.gather(*tasks) == [200, 403, 200, 403]


async def test_an_answer_for_one_request_is_not_kept() -> None:
    world = make(lambda request: attrs.evolve(by_owner(request), holds_for=HoldsFor.REQUEST))
    home = particle()
    for _ in range(3):
        assert await world.status(ALICE, home) == 200
        assert await world.status(BOB, home) == 403
    assert world.asked == 6
    assert home.allowed == {}


# -- many -----------------------------------------------------------------------------------------------------


async def test_many_questions_are_asked_together_and_kept_one_by_one(world: World) -> None:
    records = [particle(Point.parse(f"localhost:p{number}")).record for number in range(5)]
    requests = [Request(agent, "select", Need("s"), record) for record in records for agent in (ALICE, BOB)]
    await world.gate.answers.decide(requests[0])
    decisions = await world.gate.answers.decide_many(requests)
    assert [decision.allowed for decision in decisions] == [True, False] * 5
    assert world.policy.at_once == [9]
    assert await world.gate.answers.decide_many(requests) == decisions
    assert world.policy.at_once == [9]
    with pytest.raises(Forbidden):
        await world.gate.check_all(requests)
    assert len(world.denied) == 1
