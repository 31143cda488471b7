"""PolicyConformance: what every security policy has to do, whatever its rules are.

class TestMyPolicy(PolicyConformance):
    def make(self) -> SecurityPolicy:
        return MyPolicy({"a-setting": 1})
"""

from __future__ import annotations

import abc
import asyncio
import hashlib
from collections.abc import Iterable, Mapping

import attrs
import pytest

from ..contracts.policy import Knock, Need, PolicyView, SecurityPolicy
from ..contracts.registry import ParticleRecord, Registration, Status, TokenRecord
from ..errors import Forbidden, Unauthorized
from ..universe.access.access import Access, AccessGrant
from ..universe.access.scope import Scope
from ..universe.address.point import ANONYMOUS, HYPERUSER, ROOT, Point
from ..universe.kinds.kind import Kind
from .memory_registry import MemoryRegistry

__all__ = ["PolicyConformance", "PolicyWorld"]

_LETTERS = "csdrwx"
ALICE, BOB = Point.parse("localhost:users:alice"), Point.parse("localhost:users:bob")
HOME, NOTES = Point.parse("localhost:alice"), Point.parse("localhost:alice:notes")
COUNTRY = Point.parse("localhost")
_SECRET, _WRONG = "a-secret-that-nobody-may-see", "a-guess-that-nobody-may-see"
_POPULATION = (
    ("hyperspace", "Space", HYPERUSER),
    ("hyperspace:users", "UserBase", HYPERUSER),
    (HYPERUSER.text, "User", HYPERUSER),
    (ANONYMOUS.text, "User", HYPERUSER),
    (COUNTRY.text, "Space", HYPERUSER),
    ("localhost:users", "UserBase", HYPERUSER),
    (ALICE.text, "User", HYPERUSER),
    (BOB.text, "User", HYPERUSER),
    (HOME.text, "Base", ALICE),
    (NOTES.text, "App", ALICE),
)


class _LeisurelyRegistry(MemoryRegistry):
    """Others get a turn between reading and answering, as with a registry on a disk."""

    async def grants(self, roots: Iterable[Point] | None = None) -> list[AccessGrant]:
        found = await super().grants(roots)
        await asyncio.sleep(0)
        return found


@attrs.define
class PolicyWorld:
    """A small cosmos with a policy that watches over it: a hyperuser, Alice with a home, and Bob.

    Attributes:
        registry: where it is written.
        policy: what is tested.
        look_ups: how often the policy has looked records up.
    """

    registry: MemoryRegistry
    policy: SecurityPolicy
    look_ups: int = 0

    @classmethod
    async def make(cls, policy: SecurityPolicy, registry: MemoryRegistry | None = None) -> PolicyWorld:
        """The populated world; the policy is open.

        Args:
            registry: an empty one of your own, perhaps one that counts; a new one when None.
        """
        registry = registry or _LeisurelyRegistry()
        await registry.open()
        for point, kind, owner in _POPULATION:
            await registry.register(Registration(Point.parse(point), Kind.parse(kind), owner, status=Status.READY))
        await registry.add_token(TokenRecord(hashlib.sha256(_SECRET.encode()).hexdigest(), ALICE, "alice's"))
        world = cls(registry, policy)
        await policy.open(PolicyView(registry, world.records))
        return world

    async def records(self, points: tuple[Point, ...]) -> Mapping[Point, ParticleRecord]:
        """What the fabric answers a policy that looks records up."""
        self.look_ups += 1
        found = await self.registry.records(points)
        await asyncio.sleep(0)
        return found

    async def allows(self, agent: Point, target: Point, letter: str, scope: Scope | None = None) -> bool:
        """Whether ``agent`` is let through with that need."""
        return await self.try_for(agent, target, Need(letter), scope) is not None

    async def try_for(self, agent: Point, target: Point, need: Need, scope: Scope | None = None) -> Access | None:
        """What the policy answers; None when it refuses."""
        try:
            return await self.policy.authorize(agent, need, await self.registry.record(target), scope=scope)
        except Forbidden:
            return None

    async def refusal(self, agent: Point, target: Point, need: Need) -> Forbidden:
        """The error with which the policy refuses."""
        with pytest.raises(Forbidden) as caught:
            await self.policy.authorize(agent, need, await self.registry.record(target))
        return caught.value

    async def all_answers(self) -> dict[tuple[str, str, str], bool]:
        """Who may do what on everything."""
        points = [ROOT, *(Point.parse(row[0]) for row in _POPULATION)]
        return {
            (agent.text, target.text, letter): await self.allows(agent, target, letter)
            for agent in (HYPERUSER, ANONYMOUS, ALICE, BOB, NOTES)
            for target in points
            for letter in _LETTERS
        }


class PolicyConformance(abc.ABC):
    """The tests. A subclass says how its policy is made.

    Attributes:
        reads_grants: whether grants of the registry count; the tests about them are skipped otherwise.
        reads_tokens: whether tokens of the registry count; likewise.
    """

    reads_grants = True
    reads_tokens = True

    @abc.abstractmethod
    def make(self) -> SecurityPolicy:
        """A new policy that has not been opened."""

    async def world(self) -> PolicyWorld:
        """A world with a new policy in it."""
        return await PolicyWorld.make(self.make())

    # -- who may do what ----------------------------------------------------------------------------------

    @pytest.mark.parametrize("letter", _LETTERS)
    async def test_the_hyperuser_may_do_everything_on_everything(self, letter: str) -> None:
        world = await self.world()
        for point, _, _ in _POPULATION:
            assert await world.allows(HYPERUSER, Point.parse(point), letter), point

    async def test_the_hyperuser_has_super_access(self) -> None:
        world = await self.world()
        on_hers = await world.policy.access(HYPERUSER, await world.registry.record(HOME))
        assert on_hers.has_super
        assert on_hers.has_full

    @pytest.mark.parametrize("letter", _LETTERS)
    async def test_an_owner_may_do_everything_on_what_it_owns(self, letter: str) -> None:
        world = await self.world()
        assert await world.allows(ALICE, HOME, letter)

    async def test_an_owner_has_the_owners_access_and_no_more(self) -> None:
        world = await self.world()
        access = await world.policy.access(ALICE, await world.registry.record(HOME))
        assert access.has_owner
        assert not access.has_super

    @pytest.mark.parametrize("letter", _LETTERS)
    async def test_a_stranger_may_do_nothing_without_a_grant(self, letter: str) -> None:
        world = await self.world()
        assert not await world.allows(BOB, HOME, letter)
        assert not await world.allows(ALICE, COUNTRY, letter)

    @pytest.mark.parametrize("letter", _LETTERS)
    async def test_anonymous_may_do_nothing_without_a_grant(self, letter: str) -> None:
        world = await self.world()
        for point in (ROOT, COUNTRY, HOME, NOTES):
            assert not await world.allows(ANONYMOUS, point, letter), point

    async def test_an_agent_that_is_not_registered_may_do_nothing(self) -> None:
        world = await self.world()
        nobody = Point.parse("localhost:users:nobody")
        assert [letter for letter in _LETTERS if await world.allows(nobody, HOME, letter)] == []

    async def test_a_privilege_is_not_given_away(self) -> None:
        world = await self.world()
        need = Need("", "property:email:read")
        assert await world.try_for(ALICE, HOME, need) is not None
        assert await world.try_for(BOB, HOME, need) is None

    async def test_access_and_authorize_say_the_same(self) -> None:
        world = await self.world()
        for agent in (HYPERUSER, ANONYMOUS, ALICE, BOB, NOTES):
            for target in (COUNTRY, HOME, NOTES):
                access = await world.policy.access(agent, await world.registry.record(target))
                for letter in _LETTERS:
                    allowed = await world.allows(agent, target, letter)
                    assert allowed == access.permissions().has(letter), (agent, letter, target)

    # -- what a refusal says ------------------------------------------------------------------------------

    async def test_a_refusal_names_the_agent_and_the_target_and_has_a_cure(self) -> None:
        world = await self.world()
        error = await world.refusal(BOB, HOME, Need("x"))
        assert error.status == 403
        assert BOB.text in error.message
        assert HOME.text in error.message
        assert error.hint

    async def test_a_refusal_for_a_privilege_names_it(self) -> None:
        world = await self.world()
        error = await world.refusal(BOB, HOME, Need("", "property:email:read"))
        assert "property:email:read" in error.message

    # -- scopes -------------------------------------------------------------------------------------------

    async def test_a_scope_of_nothing_refuses_everybody(self) -> None:
        world = await self.world()
        for agent in (HYPERUSER, ALICE):
            for letter in _LETTERS:
                assert not await world.allows(agent, HOME, letter, Scope.NONE), (agent, letter)

    async def test_a_full_scope_changes_nothing(self) -> None:
        world = await self.world()
        for agent in (HYPERUSER, ALICE, BOB):
            for letter in _LETTERS:
                without = await world.allows(agent, HOME, letter)
                assert await world.allows(agent, HOME, letter, Scope.FULL) == without, (agent, letter)

    async def test_a_scope_bounds_and_gives_nothing(self) -> None:
        world = await self.world()
        scope = Scope.parse("{perm +csd-Rwx on localhost:alice}")
        assert [p for p in _LETTERS if await world.allows(ALICE, HOME, p, scope)] == ["r"]
        assert [p for p in _LETTERS if await world.allows(HYPERUSER, HOME, p, scope)] == ["r"]
        assert [p for p in _LETTERS if await world.allows(BOB, HOME, p, scope)] == []
        assert [p for p in _LETTERS if await world.allows(ALICE, NOTES, p, scope)] == []

    # -- who somebody is ----------------------------------------------------------------------------------

    async def test_a_known_token_gives_its_agent(self) -> None:
        self._needs_tokens()
        world = await self.world()
        assert await world.policy.authenticate(Knock(_SECRET)) == ALICE

    async def test_an_unknown_token_is_refused_without_naming_it(self) -> None:
        world = await self.world()
        with pytest.raises(Unauthorized) as caught:
            await world.policy.authenticate(Knock(_WRONG, peer_key="some-key", address="somewhere"))
        assert caught.value.status == 401
        _names_no_secret(caught.value)

    @pytest.mark.parametrize("token", ["\ud800", "\0", "x" * 100_000, _SECRET + " ", _SECRET.upper()])
    async def test_a_strange_token_is_refused_like_any_other(self, token: str) -> None:
        world = await self.world()
        with pytest.raises(Unauthorized) as caught:
            await world.policy.authenticate(Knock(token))
        _names_no_secret(caught.value)

    async def test_no_token_gives_nobody_or_anonymous(self) -> None:
        world = await self.world()
        try:
            agent = await world.policy.authenticate(Knock())
        except Unauthorized as exc:
            assert exc.hint, "whoever has no token has to be told how to get one"
        else:
            assert agent == ANONYMOUS

    async def test_a_revoked_token_is_refused_at_once(self) -> None:
        self._needs_tokens()
        world = await self.world()
        await world.policy.authenticate(Knock(_SECRET))
        await world.registry.revoke_token(hashlib.sha256(_SECRET.encode()).hexdigest())
        with pytest.raises(Unauthorized):
            await world.policy.authenticate(Knock(_SECRET))

    async def test_the_digest_of_a_token_is_no_token(self) -> None:
        world = await self.world()
        with pytest.raises(Unauthorized):
            await world.policy.authenticate(Knock(hashlib.sha256(_SECRET.encode()).hexdigest()))

    # -- answers and what they rest on --------------------------------------------------------------------

    async def test_answers_depend_on_the_arguments_only(self) -> None:
        world = await self.world()
        first = await world.all_answers()
        assert await world.all_answers() == first, "asked a second time"
        world.policy.forget()
        assert await world.all_answers() == first, "asked after it was told to forget"
        assert await (await self.world()).all_answers() == first, "asked of a new policy"

    async def test_questions_at_once_get_the_answers_that_they_get_alone(self) -> None:
        world = await self.world()
        alone = await world.all_answers()
        world.policy.forget()
        points = {text: Point.parse(text) for text in {t for _, t, _ in alone} | {a for a, _, _ in alone}}
        at_once = await asyncio.gather(
            *(world.allows(points[agent], points[target], letter) for agent, target, letter in alone)
        )
        assert dict(zip(alone, at_once, strict=True)) == alone

    async def test_asking_changes_nothing_in_the_registry(self) -> None:
        world = await self.world()
        before = await world.registry.revision()
        await world.all_answers()
        assert await world.registry.revision() == before

    async def test_a_new_owner_counts_as_soon_as_the_policy_was_told_to_forget(self) -> None:
        world = await self.world()
        assert await world.allows(ALICE, HOME, "w")
        await world.registry.chown((HOME,), BOB)
        world.policy.forget()
        assert await world.allows(BOB, HOME, "w")
        assert not await world.allows(ALICE, HOME, "w")

    async def test_a_grant_counts_until_it_is_revoked(self) -> None:
        self._needs_grants()
        world = await self.world()
        assert not await world.allows(BOB, HOME, "r")
        text = f"perm +csd-Rwx on {HOME} to {BOB} by {ALICE}"
        grant = await world.registry.grant(AccessGrant.parse(text))
        world.policy.forget()
        assert [letter for letter in _LETTERS if await world.allows(BOB, HOME, letter)] == ["r"]
        await world.registry.revoke(grant.id)
        world.policy.forget()
        assert not await world.allows(BOB, HOME, "r")

    async def test_what_is_being_read_while_it_is_told_to_forget_is_not_kept(self) -> None:
        self._needs_grants()
        for turns in range(8):
            world = await self.world()
            asked = asyncio.create_task(world.allows(BOB, HOME, "r"))
            for _ in range(turns):
                await asyncio.sleep(0)
            await world.registry.grant(AccessGrant.parse(f"perm +csd-Rwx on {HOME} to {BOB} by {ALICE}"))
            world.policy.forget()
            await asked
            assert await world.allows(BOB, HOME, "r"), f"the grant came {turns} turns after the question"

    async def test_a_grant_from_somebody_who_may_not_give_it_is_void(self) -> None:
        self._needs_grants()
        world = await self.world()
        await world.registry.grant(AccessGrant.parse(f"perm +CSD-RWX on {HOME} to {BOB} by {BOB}"))
        await world.registry.grant(AccessGrant.parse(f"super on {COUNTRY}+:** to {BOB} by {BOB}"))
        world.policy.forget()
        assert [letter for letter in _LETTERS if await world.allows(BOB, HOME, letter)] == []

    async def test_it_may_be_closed_twice(self) -> None:
        world = await self.world()
        await world.policy.close()
        await world.policy.close()

    def _needs_grants(self) -> None:
        if not self.reads_grants:
            pytest.skip("this policy does not read grants")

    def _needs_tokens(self) -> None:
        if not self.reads_tokens:
            pytest.skip("this policy does not read tokens")


def _names_no_secret(error: Unauthorized) -> None:
    said = f"{error} {error.message} {error.hint} {error!r}"
    for secret in (_SECRET, _WRONG, hashlib.sha256(_WRONG.encode()).hexdigest()):
        assert secret not in said
