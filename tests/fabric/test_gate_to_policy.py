"""The gate asks the policy once, keeps its answers until what they rest on changes, and bounds a broken policy."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, cast

import attrs
import pytest

from hyperverse_core.contracts.policy import (
    ANYTHING,
    Credentials,
    Decision,
    HoldsFor,
    Need,
    PolicyView,
    Request,
    SecurityPolicy,
)
from hyperverse_core.contracts.registry import Change, ChangeKind, ParticleRecord
from hyperverse_core.errors import BadRequest, Forbidden, HyperverseError, NotHostedHere, Unauthorized, Unavailable
from hyperverse_core.fabric.delivery.gate import Gate
from hyperverse_core.fabric.delivery.kept_answers import KeptAnswers, Key
from hyperverse_core.fabric.particles.letters import NOBODY
from hyperverse_core.testing import ManualClock
from hyperverse_core.universe.access.scope import Scope
from hyperverse_core.universe.address.point import HYPERUSER, Point
from hyperverse_core.universe.address.star_key import StarKey
from hyperverse_core.universe.kinds.kind import Kind
from hyperverse_core.universe.waves.wave import Method, Ping

ALICE, BOB = Point.parse("localhost:users:alice"), Point.parse("localhost:users:bob")
HOME, ELSEWHERE = Point.parse("localhost:alice"), Point.parse("localhost:elsewhere")
MACHINE = Point.parse("GLOBAL::machine")
TIMEOUT = 5.0
Answer = Callable[[Request], Decision]


def by_owner(request: Request) -> Decision:
    """Yes to the owner, no to everybody else; rests on the target and the agent."""
    rests_on = frozenset({request.record.point, request.agent})
    if request.agent == request.record.owner:
        return Decision.allow("it is the owner", rests_on=rests_on)
    return Decision.refuse(f"{request.agent} may not", hint="ask the owner", rests_on=rests_on)


class Asked(SecurityPolicy):
    """Answers as it is told, and counts.

    Attributes:
        pause: awaited before each answer.
    """

    def __init__(self, answer: Answer = by_owner) -> None:
        super().__init__()
        self.answer = answer
        self.asked: list[Request] = []
        self.at_once: list[int] = []
        self.told: list[Point] = []
        self.forgotten = 0
        self.pause: asyncio.Event | None = None

    async def open(self, view: PolicyView) -> None: ...

    async def authenticate(self, credentials: Credentials) -> Point:
        if not credentials.token:
            raise Unauthorized("no token")
        return ALICE

    async def decide(self, request: Request) -> Decision:
        self.asked.append(request)
        if self.pause is not None:
            await self.pause.wait()
        return self.answer(request)

    async def decide_many(self, requests: Sequence[Request]) -> Sequence[Decision]:
        self.at_once.append(len(requests))
        return await super().decide_many(requests)

    def changed(self, change: Change) -> None:
        self.told.append(change.point)

    def forget(self) -> None:
        self.forgotten += 1


@attrs.define(eq=False)
class Particle:
    """What the gate sees of a particle."""

    record: ParticleRecord
    allowed: dict[str, str] = NOBODY
    gone: bool = False

    @property
    def text(self) -> str:
        return self.record.point.text


@attrs.define
class World:
    """A gate, the policy behind it, and the refusals that were told."""

    policy: Asked
    gate: Gate
    denied: list[tuple[str, str, str, str]]

    @property
    def asked(self) -> int:
        return len(self.policy.asked)

    async def status(self, agent: Point, particle: Particle, method: str = "Ext<Get>", **wave: Any) -> int:
        """The status with which a wave is refused; 200 when it goes on."""
        try:
            await self.gate.authorise(particle, ping(agent, particle, method, **wave))
        except HyperverseError as exc:
            return exc.status
        return 200

    async def act(self, agent: Point, action: str, letter: str, particle: Particle) -> int:
        """The status of a command."""
        try:
            await self.gate.check(Request(agent, action, Need(letter), particle.record))
        except HyperverseError as exc:
            return exc.status
        return 200

    def change(self, point: Point, kind: ChangeKind = ChangeKind.GRANTED) -> None:
        self.gate.changed(Change(1, kind, point))


def ping(agent: Point, particle: Particle, method: str = "Ext<Get>", **wave: Any) -> Ping:
    return Ping(particle.record.point, Method.parse(method), agent=agent, id="wave", **wave)


def particle(point: Point = HOME, owner: Point = ALICE) -> Particle:
    return Particle(ParticleRecord(point, Kind("Base"), owner))


def make(answer: Answer = by_owner, room: int = 10_000, policy: Asked | None = None) -> World:
    denied: list[tuple[str, str, str, str]] = []

    def tell(agent: Point, target: Point, action: str, why: str) -> None:
        denied.append((agent.text, target.text, action, why))

    policy = policy or Asked(answer)
    return World(policy, Gate(policy, "asked", tell, timeout=TIMEOUT, room=room), denied)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = make()
    yield world
    await world.gate.close()


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
    world.gate.left(home)
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
    assert not (await world.gate.decide(Request(BOB, "select", Need("s"), particle().record))).allowed
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
    assert len(world.gate) == 0, "the particle alone keeps it"
    world.gate.lost()
    assert home.allowed == {}
    await world.status(BOB, home)
    assert world.asked == 2


async def test_a_refusal_that_rests_on_nothing_is_kept() -> None:
    world = make(lambda request: Decision.refuse("never", rests_on=frozenset()))
    home = particle()
    for _ in range(3):
        assert await world.status(BOB, home) == 403
    assert (world.asked, len(world.gate)) == (1, 1)


async def test_a_yes_that_rests_on_nothing_is_kept_for_commands(world: World) -> None:
    world.policy.answer = lambda request: Decision.allow("always", rests_on=frozenset())
    for _ in range(3):
        assert await world.act(ALICE, "get", "r", particle()) == 200
    assert (world.asked, len(world.gate)) == (1, 1)


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
    world.gate.lost()
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
    world.gate.renewed(home, before)
    assert home.allowed == {}
    assert await world.status(ALICE, home) == 403


# -- at once --------------------------------------------------------------------------------------------------


async def test_waves_at_once_ask_once_and_go_on_in_their_order(world: World) -> None:
    world.policy.pause = asyncio.Event()
    home = particle()
    order: list[int] = []

    async def go(number: int) -> None:
        await world.gate.authorise(home, ping(ALICE, home, "Ext<A>" if number % 2 else "Ext<B>"))
        order.append(number)

    tasks = [asyncio.create_task(go(number)) for number in range(10)]
    await asyncio.sleep(0)
    world.policy.pause.set()
    await asyncio.gather(*tasks)
    assert order == list(range(10))
    assert world.asked == 1


async def test_an_answer_that_a_change_has_touched_meanwhile_is_not_kept(world: World) -> None:
    world.policy.pause = asyncio.Event()
    home = particle()
    task = asyncio.create_task(world.status(ALICE, home))
    await asyncio.sleep(0)
    world.change(HOME)
    world.policy.pause.set()
    assert await task == 200
    assert home.allowed == {}
    await world.status(ALICE, home)
    assert world.asked == 2


async def test_an_answer_that_other_changes_have_passed_by_is_kept(world: World) -> None:
    world.policy.pause = asyncio.Event()
    home = particle()
    task = asyncio.create_task(world.status(ALICE, home))
    await asyncio.sleep(0)
    for _ in range(100):
        world.change(ELSEWHERE, ChangeKind.DELETED)
    world.policy.pause.set()
    await task
    assert home.allowed == {ALICE.text: "x"}


@pytest.mark.parametrize("flood", [5000, 0], ids=["more changes than are remembered", "everything was dropped"])
async def test_what_cannot_be_told_counts_as_touched(world: World, flood: int) -> None:
    world.policy.pause = asyncio.Event()
    home = particle()
    task = asyncio.create_task(world.status(ALICE, home))
    await asyncio.sleep(0)
    for _ in range(flood):
        world.change(ELSEWHERE)
    if not flood:
        world.gate.lost()
    world.policy.pause.set()
    await task
    assert home.allowed == {}


async def test_whoever_asks_after_a_change_gets_no_answer_from_before_it(world: World) -> None:
    world.policy.pause = asyncio.Event()
    home = particle()
    before = asyncio.create_task(world.status(BOB, home))
    await asyncio.sleep(0)
    answers = iter([by_owner, lambda request: Decision.allow("a grant", rests_on=frozenset({HOME}))])
    world.policy.answer = lambda request: next(answers)(request)
    world.change(HOME)
    after = asyncio.create_task(world.status(BOB, home))
    await asyncio.sleep(0)
    world.policy.pause.set()
    assert (await before, await after) == (403, 200)
    assert world.asked == 2


async def test_one_who_gives_up_does_not_leave_the_others_without_an_answer(world: World) -> None:
    world.policy.pause = asyncio.Event()
    home = particle()
    first = asyncio.create_task(world.status(ALICE, home))
    second = asyncio.create_task(world.status(ALICE, home))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    world.policy.pause.set()
    assert await second == 200


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
    await world.gate.decide(requests[0])
    decisions = await world.gate.decide_many(requests)
    assert [decision.allowed for decision in decisions] == [True, False] * 5
    assert world.policy.at_once == [9]
    assert await world.gate.decide_many(requests) == decisions
    assert world.policy.at_once == [9]
    with pytest.raises(Forbidden):
        await world.gate.check_all(requests)
    assert len(world.denied) == 1


# -- room -----------------------------------------------------------------------------------------------------


async def test_there_is_room_for_so_much_and_the_oldest_go_first() -> None:
    world = make(room=60)  # each answer takes 6
    targets = [particle(Point.parse(f"localhost:p{number}")) for number in range(20)]
    for target in targets:
        await world.status(ALICE, target)
    assert [bool(target.allowed) for target in targets] == [False] * 10 + [True] * 10
    await world.status(ALICE, targets[19])
    await world.status(ALICE, targets[0])
    assert world.asked == 21


def test_what_is_kept_is_what_was_kept_less_what_was_dropped() -> None:
    chance = random.Random(7)
    points = [Point.parse(f"localhost:p{number}") for number in range(6)]
    kept, model = KeptAnswers(10_000), dict[Key, Decision]()
    particles = {point.text: particle(point) for point in points}
    alone = set[tuple[str, str, str]]()  # what only the particles keep: it never changes
    for _ in range(5000):
        key: Key = (
            chance.choice(points).text,
            chance.choice(points).text,
            "localhost",
            chance.choice("rwxs"),
            chance.choice(["", "", "email"]),
            chance.choice([None, None, Scope.NONE]),
            chance.choice(["", "", "Ext<Get>"]),
        )
        asked_for = particles[key[1]]
        match chance.randrange(10):
            case 0:
                point = chance.choice(points)
                kept.drop(point)
                model = {k: d for k, d in model.items() if d.rests_on is not ANYTHING and point not in d.rests_on}
            case 1 if chance.random() < 0.05:
                kept.clear()
                model.clear()
                alone.clear()
            case 2 if chance.random() < 0.2:
                kept.left(asked_for)
                assert asked_for.allowed == {}
                alone -= {held for held in alone if held[0] == key[1]}
                particles[key[1]] = particle(asked_for.record.point)
            case 3 if model:
                kept.show(asked_for, key)
                shown = key in model and model[key].allowed and _is_for_the_hot_path(key)
                assert not shown or key[3] in asked_for.allowed.get(key[0], "")
                if shown and model[key].rests_on == frozenset():
                    del model[key]
                    alone.add((key[1], key[0], key[3]))
            case _:
                some = frozenset(chance.sample(points, chance.randrange(4)))
                decision = Decision(chance.random() < 0.6, rests_on=chance.choice([some, some, some, ANYTHING]))
                kept.keep(key, decision)
                model[key] = decision
        assert len(kept) == len(model)
        _check_shown(model, particles, alone)
    assert all(kept.find((*key[:6], ""), key[6]) is not None for key in model)
    for key in model:
        kept.show(particles[key[1]], key)
    for text, holder in particles.items():
        expected = {
            (key[0], key[3])
            for key, decision in model.items()
            if key[1] == text and decision.allowed and _is_for_the_hot_path(key)
        }
        kept_alone = {(agent, letter) for target, agent, letter in alone if target == text}
        assert expected <= _letters(holder) <= expected | kept_alone


def _is_for_the_hot_path(key: Key) -> bool:
    _, _, _, permission, privilege, scope, action = key
    return permission in "rwx" and (privilege, scope, action) == ("", None, "")


def _letters(holder: Particle) -> set[tuple[str, str]]:
    return {(agent, letter) for agent, letters in holder.allowed.items() for letter in letters}


def _check_shown(
    model: Mapping[Key, Decision], particles: Mapping[str, Particle], alone: AbstractSet[tuple[str, str, str]]
) -> None:
    """Every letter that the hot path finds is that of an answer which is kept, or never changes."""
    for text, holder in particles.items():
        for agent, letter in _letters(holder):
            if (text, agent, letter) in alone:
                continue
            decision = model.get((agent, text, "localhost", letter, "", None, ""))
            assert decision is not None
            assert decision.allowed


# -- broken policies ------------------------------------------------------------------------------------------


class Broken(Asked):
    """A policy that is broken in some way."""

    def __init__(self, way: Callable[[], Any]) -> None:
        super().__init__()
        self.way = way

    async def decide(self, request: Request) -> Decision:
        self.asked.append(request)
        return cast(Decision, await self.way())


async def hang() -> None:
    await asyncio.Event().wait()


def raising(error: BaseException) -> Callable[[], Any]:
    async def way() -> None:
        raise error

    return way


def giving(value: object) -> Callable[[], Any]:
    async def way() -> object:
        return value

    return way


def later(way: Callable[[], Any]) -> Callable[[], Any]:
    """As ``way``, after a turn of the event loop."""

    async def after_a_turn() -> object:
        await asyncio.sleep(0)
        return await way()

    return after_a_turn


class NoCoroutine:
    """What can be awaited, and is no coroutine."""

    def __init__(self, decision: Decision) -> None:
        self._decision = decision

    def __await__(self) -> Any:
        yield from asyncio.sleep(0).__await__()
        return self._decision


async def test_a_policy_may_give_anything_that_can_be_awaited() -> None:
    class Other(Asked):
        def decide(self, request: Request) -> Any:  # type: ignore[override]  # that is what is odd about it
            self.asked.append(request)
            return NoCoroutine(by_owner(request))

    world = make(policy=Other())
    home = particle()
    for _ in range(2):
        assert (await world.status(ALICE, home), await world.status(BOB, home)) == (200, 403)
    assert world.asked == 2


async def test_whoever_asks_while_the_policy_waits_goes_on_behind_those_who_asked_before() -> None:
    world = make()
    home = particle()
    order: list[int] = []
    world.policy.pause = asyncio.Event()

    async def go(number: int) -> None:
        await world.status(ALICE, home)
        order.append(number)

    tasks = [asyncio.create_task(go(number)) for number in range(3)]
    await asyncio.sleep(0)
    world.policy.pause.set()
    await asyncio.sleep(0)
    world.policy.pause = None  # from now on it answers without waiting
    tasks += [asyncio.create_task(go(number)) for number in range(3, 6)]
    await asyncio.gather(*tasks)
    assert order == list(range(6))
    assert world.asked == 1


BROKEN = {
    "hangs": hang,
    "raises": raising(ValueError("a secret")),
    "raises TimeoutError": raising(TimeoutError()),
    "raises RecursionError": raising(RecursionError()),
    "exits": raising(SystemExit(1)),
    "is cancelled by itself": raising(asyncio.CancelledError()),
    "sends the wave elsewhere": raising(NotHostedHere("elsewhere")),
    "gives nothing": giving(None),
    "gives true": giving(True),
    "is not asynchronous": lambda: Decision.allow("yes"),
    "allows with 1": giving(Decision(cast(bool, 1))),
    "rests on texts": giving(Decision(True, rests_on=cast("frozenset[Point]", frozenset({"localhost"})))),
    "rests on a list": giving(Decision(True, rests_on=cast("frozenset[Point]", [HOME]))),
    "raises later": later(raising(ValueError("a secret"))),
    "exits later": later(raising(SystemExit(1))),
    "is cancelled by itself later": later(raising(asyncio.CancelledError())),
    "sends the wave elsewhere later": later(raising(NotHostedHere("elsewhere"))),
    "gives nothing later": later(giving(None)),
    "refuses with 200": giving(Decision(False, "no", status=200)),
    "gives no reason but a number": giving(Decision(False, cast(str, 7))),
}


@pytest.mark.parametrize("way", BROKEN.values(), ids=BROKEN)
async def test_a_broken_policy_is_503_and_logged_with_its_name(
    way: Callable[[], Any], clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    world = make(policy=Broken(way))
    home = particle()
    with clock.autojump():
        for _ in range(2):
            with pytest.raises(Unavailable) as caught:
                await world.gate.authorise(home, ping(ALICE, home))
            assert "'asked'" in caught.value.message
            assert "secret" not in str(caught.value)
            assert caught.value.retry_after
    assert home.allowed == {}
    assert world.asked == 2, "a failure is not kept"
    assert any("'asked'" in record.message for record in caplog.records if record.levelname == "ERROR")
    assert world.denied == []


async def test_a_policy_that_hangs_is_cut_off_after_the_time_limit(clock: ManualClock) -> None:
    world = make(policy=Broken(hang))
    began = asyncio.get_running_loop().time()
    with clock.autojump(), pytest.raises(Unavailable, match="within 5 s"):
        await world.gate.authorise(particle(), ping(ALICE, particle()))
    assert asyncio.get_running_loop().time() - began == pytest.approx(TIMEOUT)


async def test_a_caller_that_is_cancelled_is_no_failure_of_the_policy(caplog: pytest.LogCaptureFixture) -> None:
    world = make(policy=Broken(hang))
    task = asyncio.create_task(world.status(ALICE, particle()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert caplog.records == []


async def test_a_broken_policy_does_not_flood_the_log(caplog: pytest.LogCaptureFixture, clock: ManualClock) -> None:
    world = make(policy=Broken(raising(ValueError())))
    for _ in range(1000):
        assert await world.status(ALICE, particle()) == 503
    assert len(caplog.records) == 1
    await clock.advance(2)
    await world.status(ALICE, particle())
    assert "999 failures more" in caplog.records[-1].message


async def test_errors_of_the_platform_go_to_the_caller_as_they_are() -> None:
    world = make(policy=Broken(raising(BadRequest("the registry is old", hint="upgrade it"))))
    with pytest.raises(BadRequest, match="the registry is old"):
        await world.gate.authorise(particle(), ping(ALICE, particle()))


async def test_the_hyperuser_may_stop_a_machine_whose_policy_is_broken(clock: ManualClock) -> None:
    for way in (hang, raising(ValueError()), raising(Unavailable("no registry"))):
        world = make(policy=Broken(way))
        machine = particle(MACHINE, HYPERUSER)
        with clock.autojump():
            assert await world.status(HYPERUSER, machine, "Ext<Stop>") == 200
            assert await world.status(HYPERUSER, machine, "Ext<Drain>") == 503
            assert await world.status(ALICE, machine, "Ext<Stop>") == 503
            assert await world.status(HYPERUSER, particle(), "Ext<Stop>") == 503
        assert machine.allowed == {}


async def test_a_policy_that_refuses_the_hyperuser_is_not_overruled() -> None:
    world = make(lambda request: Decision.refuse("not today"))
    assert await world.status(HYPERUSER, particle(MACHINE, HYPERUSER), "Ext<Stop>") == 403


async def test_a_policy_that_cannot_take_in_a_change_loses_all_its_answers(caplog: pytest.LogCaptureFixture) -> None:
    class Deaf(Asked):
        def changed(self, change: Change) -> None:
            raise KeyError(change.point)

    world = make(policy=Deaf())
    home = particle()
    await world.status(ALICE, home)
    world.change(ELSEWHERE)
    assert home.allowed == {}
    assert world.policy.forgotten == 1
    assert "'asked' could not take in a change" in caplog.text


async def test_who_somebody_is_has_the_same_limits(clock: ManualClock) -> None:
    class Confused(Asked):
        async def authenticate(self, credentials: Credentials) -> Point:
            if credentials.token == "hang":
                await hang()
            return cast(Point, "alice")

    world = make(policy=Confused())
    with clock.autojump():
        for token in ("hang", "any"):
            with pytest.raises(Unavailable, match="'asked'"):
                await world.gate.identify(Credentials(token))
    assert (await make().gate.identify(Credentials("any"))).agent == ALICE
    with pytest.raises(Unauthorized):
        await make().gate.identify(Credentials())
    with pytest.raises(Unauthorized):
        await make().gate.authenticate_machine("beta", Credentials("any"))


async def test_many_answers_have_the_same_limits() -> None:
    class Short(Asked):
        async def decide_many(self, requests: Sequence[Request]) -> Sequence[Decision]:
            return [Decision.allow("yes")]

    world = make(policy=Short())
    requests = [Request(agent, "select", Need("s"), particle().record) for agent in (ALICE, BOB)]
    with pytest.raises(Unavailable, match="no list of 2 decisions"):
        await world.gate.decide_many(requests)
