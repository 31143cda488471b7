"""The rules of access, step by step and against a second implementation that follows them literally."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from functools import cache

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperverse_core.universe.access.access import (
    Access,
    AccessGrant,
    AccessView,
    GrantWord,
    MaskKind,
    Permissions,
    Privileges,
    evaluate,
    explain,
)
from hyperverse_core.universe.address.point import HYPERUSER, Point
from hyperverse_core.universe.kinds.kind import Kind
from thoroughness import THOROUGH, examples


@attrs.frozen
class World:
    """Particles with Kind and owner, and grants."""

    particles: dict[str, tuple[str, str]]
    granted: tuple[str, ...] = ()

    def owner(self, point: Point) -> Point | None:
        return Point.parse(self.particles[point.text][1]) if point.text in self.particles else None

    def kinds(self, point: Point) -> Sequence[Kind]:
        path = [str(p) for p in (point, *point.ancestors())][-2::-1]
        return [Kind.parse(self.particles[p][0]) for p in path] if all(p in self.particles for p in path) else ()

    def grants(self, root: Point) -> Iterable[AccessGrant]:
        numbered = (attrs.evolve(AccessGrant.parse(text), id=i + 1) for i, text in enumerate(self.granted))
        return [grant for grant in numbered if grant.query_root == root]

    def is_user(self, point: Point) -> bool:
        return point == HYPERUSER or self.particles.get(point.text, ("",))[0] == "User"


_SUPER = "hyperspace:users:hyperuser"
_PARTICLES = {
    "a": ("Space", _SUPER),
    "a:ann": ("User", _SUPER),
    "a:bob": ("User", "a:ann"),
    "a:app": ("App", "a:ann"),
    "a:app:x": ("Base", "a:ann"),
    "a:app:y": ("Base", "a:app"),
}


def _access(who: str, on: str, *grants: str, same_owner: bool = False) -> Access:
    world = World(_PARTICLES, grants)
    return evaluate(Point.parse(who), Point.parse(on), world, same_owner=same_owner)


def test_the_hyperuser_and_the_owner_need_no_grants() -> None:
    assert _access(_SUPER, "a") == Access.SUPER_OWNER
    assert _access(_SUPER, "a:app") == Access.SUPER
    assert _access("a:ann", "a:app") == Access.OWNER
    assert _access("a:bob", "a:app") == Access.NONE


def test_a_grant_counts_only_while_its_grantor_has_full_access() -> None:
    text = "perm +csd-Rwx on a:app+:** to a:bob by {}"
    assert str(_access("a:bob", "a:app:x", text.format("a:ann")).permissions()) == "csd-Rwx"
    assert _access("a:bob", "a:app:y", text.format("a:ann")) == Access.NONE
    assert str(_access("a:bob", "a:app:y", text.format("a:app")).permissions()) == "csd-Rwx"


def test_a_restriction_counts_only_from_a_grantor_with_full_access_and_beats_what_is_added() -> None:
    give = "perm +CSD-RWX on a:app to a:bob by a:ann"
    assert str(_access("a:bob", "a:app", give, "perm &csd-RWx on a:app to a:bob by a:ann").listed) == "csd-RWx"
    assert str(_access("a:bob", "a:app", "perm &csd-RWx on a:app to a:bob by a:ann", give).listed) == "csd-RWx"
    assert str(_access("a:bob", "a:app", give, "perm &csd-rwx on a:app to a:bob by a:bob").listed) == "CSD-RWX"


def test_super_is_handed_on_and_ends_with_the_chain() -> None:
    first = f"super on +:** to a:ann by {_SUPER}"
    second = "super on a+:** to a:bob by a:ann"
    assert _access("a:bob", "a:app:y", first, second) == Access.SUPER
    assert _access("a:bob", "a:app:y", second) == Access.NONE
    assert _access("a:ann", "a:app", first) == Access.SUPER_OWNER


def test_grants_in_a_circle_give_nothing() -> None:
    circle = ("super on a:app:y to a:bob by a:app:x", "super on a:app:y to a:app:x by a:bob")
    assert _access("a:bob", "a:app:y", *circle) == Access.NONE
    opened = f"super on a:app:y to a:app:x by {_SUPER}"
    assert _access("a:bob", "a:app:y", *circle, opened) == Access.SUPER


def test_what_belongs_to_the_same_user_may_work_together_if_that_is_wanted() -> None:
    assert _access("a:app:x", "a:app", same_owner=True) == Access.OWNER
    assert _access("a:app:x", "a:app", same_owner=False) == Access.NONE
    # A User acts for itself, and an owner that is no User makes no family.
    assert _access("a:bob", "a:app", same_owner=True) == Access.NONE
    assert _access("a:app:x", "a:app:y", same_owner=True) == Access.NONE


def test_privileges_are_held_by_name_or_all_at_once() -> None:
    access = _access("a:bob", "a:app", "priv property:email:read on a:app to a:bob by a:ann")
    assert access.has_privilege("property:email:read")
    assert not access.has_privilege("other")
    assert _access("a:bob", "a:app", "priv * on a:app to a:bob by a:ann").has_privilege("other")
    assert _access("a:ann", "a:app").has_privilege("other")


def test_the_same_path_under_another_route_is_somebody_else() -> None:
    grant = "perm +csd-RWX on a:app to a:bob by a:ann"
    assert _access("a:bob", "a:app", grant).permissions().has("r")
    assert _access("elsewhere.org::a:bob", "a:app", grant) == Access.NONE


def test_an_explanation_names_rule_owner_and_grants() -> None:
    world = World(_PARTICLES, ("perm +csd-Rwx on a:app to a:bob by a:ann", "priv x on a:app to a:bob by a:bob"))
    found = explain(Point.parse("a:bob"), Point.parse("a:app"), world)
    assert found.owner == Point.parse("a:ann")
    assert [verdict.counts for verdict in found.verdicts] == [True, False]
    assert str(found).splitlines() == [
        "a:bob on a:app: csd-Rwx",
        "owner: a:ann",
        "decided by: the effective grants",
        "grant 1 (perm +csd-Rwx on a:app to a:bob by a:ann): counts, a:ann has full access there",
        "grant 2 (priv x on a:app to a:bob by a:bob): void, a:bob has no full access there",
    ]
    assert explain(HYPERUSER, Point.parse("a:app"), world).rule == "the hyperuser may do everything"
    assert explain(Point.parse("a:ann"), Point.parse("a:app"), world).rule == "it is the owner"


def test_what_owns_itself_gives_nobody_super_there() -> None:
    """Its access there is Owner by an earlier rule than that of `super` grants, so its own `super` grants are void."""
    particles = {**_PARTICLES, "a:app": ("App", "a:app")}
    world = World(particles, (f"super on a:app to a:app by {_SUPER}", "super on a:app to a:bob by a:app"))
    assert evaluate(Point.parse("a:app"), Point.parse("a:app"), world) == Access.OWNER
    assert evaluate(Point.parse("a:bob"), Point.parse("a:app"), world) == Access.NONE


def naive(to: Point, on: Point, world: AccessView, same_owner: bool, under_way: tuple[Point, ...] = ()) -> Access:
    """The rules of docs/reference/access.md#the-rules, word by word. A grantor that is being evaluated has nothing."""
    if to in under_way:
        return Access.NONE
    owns = world.owner(on) == to
    if to == HYPERUSER:
        return Access.SUPER_OWNER if owns else Access.SUPER
    if to == on and owns:
        return Access.OWNER
    permissions, privileges, ands = Permissions.NONE, Privileges.NONE, []
    for root in (on, *on.ancestors()):
        for grant in world.grants(root):
            if not _meant(world, grant.to, to) or not _meant(world, grant.on, on):
                continue
            by = naive(grant.by, on, world, same_owner, (*under_way, to))
            if grant.kind.word is GrantWord.SUPER:
                if by.has_super:
                    return Access.SUPER_OWNER if owns else Access.SUPER
            elif not by.has_full:
                continue
            elif grant.kind.privilege is not None:
                privileges |= Privileges({grant.kind.privilege})
            elif grant.kind.mask is not None and grant.kind.mask.kind is MaskKind.OR:
                permissions |= grant.kind.mask.permissions
            elif grant.kind.mask is not None:
                ands.append(grant.kind.mask)
    if owns:
        return Access.OWNER
    if same_owner and _family(to, on, world):
        return Access.OWNER
    for mask in ands:
        permissions = mask.apply(permissions)
    return Access.enumerated(permissions, privileges)


def _meant(world: AccessView, selector: object, point: Point) -> bool:
    kinds = world.kinds(point)
    return len(kinds) == len(point.segments) and selector.matches(point, kinds)  # type: ignore[attr-defined]


def _family(to: Point, on: Point, world: AccessView) -> bool:
    owner = world.owner(on)
    if owner is None or owner != world.owner(to) or world.is_user(to):
        return False
    return owner == HYPERUSER or world.is_user(owner)


_agents = st.sampled_from(["a", "a:b", "a:b:c", "a:u", "d", _SUPER])
_selectors = st.sampled_from(["+:**", "a+:**", "a:b", "a:b+:**", "**<User>", "a:u", "d", "*", "a:b:c", "**:c"])
_given = st.sampled_from(["super", "super", "perm +csd-Rwx", "perm +CSD-rwX", "perm &csd-RwX", "priv p", "priv *"])
_grants = st.builds("{} on {} to {} by {}".format, _given, _selectors, _selectors, _agents)


@settings(max_examples=examples(600), deadline=None)
@given(
    st.fixed_dictionaries(
        {name: st.tuples(st.sampled_from(["Base", "User"]), _agents) for name in ("a", "a:b", "a:b:c", "a:u", "d")}
    ),
    st.lists(_grants, max_size=6),
    _agents,
    _agents,
    st.booleans(),
)
def test_evaluation_agrees_with_the_rules_taken_literally(
    particles: dict[str, tuple[str, str]], grants: list[str], who: str, on: str, same_owner: bool
) -> None:
    world = World(particles, tuple(grants))
    agent, target = Point.parse(who), Point.parse(on)
    assert evaluate(agent, target, world, same_owner=same_owner) == naive(agent, target, world, same_owner)


_ADDING = ("super", "perm +csd-Rwx", "perm +CSD-rwX", "priv p", "priv *")
_SELECTORS = ("+:**", "a+:**", "a:b", "a:b+:**", "**<User>", "a:u", "d", "*", "a:b:c", "**:c")
_NAMES = ("a", "a:b", "a:b:c", "a:u", "d")
_EVERYBODY = (*_NAMES, _SUPER)


@attrs.frozen
class ParsedWorld:
    """Like `World`, with everything parsed once, so that there is time for very many."""

    owners: dict[Point, Point]
    kinds_of: dict[Point, tuple[Kind, ...]]
    granted: tuple[AccessGrant, ...]

    def owner(self, point: Point) -> Point | None:
        return self.owners.get(point)

    def kinds(self, point: Point) -> Sequence[Kind]:
        return self.kinds_of.get(point, ())

    def grants(self, root: Point) -> Iterable[AccessGrant]:
        return [grant for grant in self.granted if grant.query_root == root]

    def is_user(self, point: Point) -> bool:
        kinds = self.kinds_of.get(point, ())
        return point == HYPERUSER or (bool(kinds) and kinds[-1].base == "User")

    def all_access(self, same_owner: bool = True) -> dict[tuple[Point, Point], Access]:
        return {
            (agent, target): evaluate(agent, target, self, same_owner=same_owner)
            for agent in map(_point, _EVERYBODY)
            for target in map(_point, _NAMES)
        }


@cache
def _point(text: str) -> Point:
    return Point.parse(text)


@cache
def _grant(text: str) -> AccessGrant:
    return AccessGrant.parse(text)


def _random_grant(chance: random.Random, gives: Sequence[str], by: str) -> AccessGrant:
    return _grant(f"{chance.choice(gives)} on {chance.choice(_SELECTORS)} to {chance.choice(_SELECTORS)} by {by}")


def _random_world(chance: random.Random) -> ParsedWorld:
    kinds = {name: Kind.parse(chance.choice(("Base", "User"))) for name in _NAMES}
    points = {name: _point(name) for name in _NAMES}
    paths = {
        point: tuple(kinds[str(step)] for step in [*reversed(list(point.ancestors())), point] if not step.is_root)
        for point in points.values()
    }
    owners = {point: _point(chance.choice(_EVERYBODY)) for point in points.values()}
    gives = (*_ADDING, "super", "perm &csd-RwX", "perm &CSD-rwx")
    granted = tuple(_random_grant(chance, gives, chance.choice(_EVERYBODY)) for _ in range(chance.randrange(8)))
    return ParsedWorld(owners, paths, granted)


def _within(one: Access, other: Access) -> bool:
    """Whether ``one`` allows nothing that ``other`` does not."""
    if other.has_full:
        return other.has_super or not one.has_super
    if one.has_full:
        return False
    privileges = other.privileges.is_full or (one.privileges.names <= other.privileges.names)
    return one.listed & other.listed == one.listed and privileges


def test_two_implementations_agree_on_very_many_random_sets_of_grants() -> None:
    chance = random.Random(11)
    for number in range(100_000 if THOROUGH else 3000):
        world = _random_world(chance)
        agent, target = _point(chance.choice(_EVERYBODY)), _point(chance.choice(_NAMES))
        same_owner = chance.random() < 0.5
        found = evaluate(agent, target, world, same_owner=same_owner)
        assert found == naive(agent, target, world, same_owner), f"set {number}: {agent} on {target} in {world}"


@pytest.mark.parametrize("seed", range(examples(400)))
def test_what_grants_and_revocations_never_do(seed: int) -> None:
    chance = random.Random(seed)
    world = _random_world(chance)
    before = world.all_access()

    shuffled = attrs.evolve(world, granted=tuple(chance.sample(world.granted, len(world.granted))))
    assert shuffled.all_access() == before, "the order of grants matters"

    restriction = _random_grant(chance, ("perm &csd-RwX", "perm &csd-rwx"), chance.choice(_EVERYBODY))
    narrower = attrs.evolve(world, granted=(*world.granted, restriction)).all_access()
    assert all(_within(narrower[pair], access) for pair, access in before.items()), f"{restriction} widens"

    for grant in world.granted:
        if grant.kind.mask is not None and grant.kind.mask.kind is MaskKind.AND:
            continue
        rest = attrs.evolve(world, granted=tuple(g for g in world.granted if g is not grant)).all_access()
        assert all(_within(rest[pair], access) for pair, access in before.items()), f"to revoke {grant} widens"

    for name in _NAMES:
        agent = _point(name)
        if any(before[agent, _point(target)].has_full for target in _NAMES):
            continue
        powerless = attrs.evolve(world, granted=(*world.granted, _random_grant(chance, _ADDING, name)))
        assert powerless.all_access() == before, f"a grant by {agent}, who has no power, counts"
