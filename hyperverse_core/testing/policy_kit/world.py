"""The world about which the kit asks policies: a hyperuser, Alice with a home, and Bob."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping

import attrs

from ...contracts.policy import Decision, Need, PolicyView, Request, SecurityPolicy
from ...contracts.registry import Change, ParticleRecord, Registration, Status, TokenRecord
from ...errors import NotFound, Unavailable
from ...universe.access.access import AccessGrant
from ...universe.access.scope import Scope
from ...universe.address.point import ANONYMOUS, HYPERUSER, ROOT, Point
from ...universe.kinds.kind import Kind
from ..memory_registry import MemoryRegistry

__all__ = [
    "AGENTS",
    "ALICE",
    "BOB",
    "COUNTRY",
    "HOME",
    "LETTERS",
    "NOBODY",
    "NOTES",
    "POINTS",
    "SECRET",
    "WRONG",
    "Asked",
    "FaultyRegistry",
    "PolicyWorld",
    "one_permission",
]

LETTERS = "csdrwx"
ALICE, BOB = Point.parse("localhost:users:alice"), Point.parse("localhost:users:bob")
NOBODY = Point.parse("localhost:users:nobody")
HOME, NOTES = Point.parse("localhost:alice"), Point.parse("localhost:alice:notes")
COUNTRY = Point.parse("localhost")
SECRET, WRONG = "a-secret-that-nobody-may-see", "a-guess-that-nobody-may-see"
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
POINTS = tuple(Point.parse(row[0]) for row in _POPULATION)
AGENTS = (HYPERUSER, ANONYMOUS, ALICE, BOB, NOTES, NOBODY)
_METHOD = "Ext<Get>"

Asked = tuple[Point, Point, str]
"""An agent, a target, and a permission letter."""


def one_permission(letter: str) -> str:
    """The text of a grant of one permission: ``+csd-Rwx`` for ``r``."""
    return "+csd-rwx".replace(letter, letter.upper())


class FaultyRegistry(MemoryRegistry):
    """A registry that gives other tasks a turn between reading and answering, like one on a disk, and that can fail or
    hang.

    Attributes:
        mode: ``works``; ``fails``: questions that policies ask raise Unavailable; ``hangs``: they are never answered.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mode = "works"

    async def _meet_fault(self) -> None:
        if self.mode == "fails":
            raise Unavailable("the registry cannot be reached")
        if self.mode == "hangs":
            await asyncio.get_running_loop().create_future()
        await asyncio.sleep(0)

    async def grants(self, roots: Iterable[Point] | None = None) -> list[AccessGrant]:
        found = await super().grants(roots)
        await self._meet_fault()
        return found

    async def grant_roots(self, most: int) -> frozenset[Point] | None:
        found = await super().grant_roots(most)
        await self._meet_fault()
        return found

    async def records(self, points: Iterable[Point]) -> dict[Point, ParticleRecord]:
        found = await super().records(points)
        await self._meet_fault()
        return found

    async def token(self, digest: str) -> TokenRecord | None:
        found = await super().token(digest)
        await self._meet_fault()
        return found


@attrs.define
class PolicyWorld:
    """A small Hyperverse with a policy over it: a hyperuser, Alice with a home, and Bob.

    Attributes:
        registry: the registry of the Hyperverse.
        policy: the policy that is tested.
        look_ups: how often the policy has looked records up.
        revision: the newest change that was reported to the policy.
    """

    registry: MemoryRegistry
    policy: SecurityPolicy
    look_ups: int = 0
    revision: int = 0

    @classmethod
    async def make(cls, policy: SecurityPolicy, registry: MemoryRegistry | None = None) -> PolicyWorld:
        """Makes a populated world, and opens ``policy``.

        Args:
            registry: an empty registry of your own; a new :class:`FaultyRegistry` when None.
        """
        registry = registry or FaultyRegistry()
        await registry.open()
        for point, kind, owner in _POPULATION:
            await registry.register(Registration(Point.parse(point), Kind.parse(kind), owner, status=Status.READY))
        await registry.add_token(TokenRecord(hashlib.sha256(SECRET.encode()).hexdigest(), ALICE, "alice's"))
        return await cls.of(policy, registry)

    @classmethod
    async def of(cls, policy: SecurityPolicy, registry: MemoryRegistry) -> PolicyWorld:
        """Makes a world with a ``registry`` that is populated already, and opens ``policy``."""
        world = cls(registry, policy, revision=await registry.revision())
        await policy.open(PolicyView(registry, world.records))
        return world

    async def records(self, points: tuple[Point, ...]) -> Mapping[Point, ParticleRecord]:
        """The records at ``points``, as the fabric answers a policy that looks them up."""
        self.look_ups += 1
        return await self.registry.records(points)

    # -- asking -------------------------------------------------------------------------------------------

    async def request(
        self, agent: Point, target: Point, need: Need | str, scope: Scope | None = None, *, action: str = _METHOD
    ) -> Request:
        """A question about a particle of the world.

        Args:
            agent: the agent in whose name it would be done.
            target: the particle.
            need: what is needed, or the letter of a permission.
            scope: the bounds that the sender has set; None for none.
            action: the method of a wave as text, or an administrative act.

        Raises:
            NotFound: ``target`` is not registered.
        """
        record = (await MemoryRegistry.records(self.registry, (target,))).get(target)
        if record is None:
            raise NotFound(f"no particle {target.text!r}")
        return Request(agent, action, Need(need) if isinstance(need, str) else need, record, scope)

    async def decide(self, agent: Point, target: Point, need: Need | str, scope: Scope | None = None) -> Decision:
        """The policy's answer to :meth:`request` with the same ``agent``, ``target``, ``need`` and ``scope``."""
        return await self.policy.decide(await self.request(agent, target, need, scope))

    async def allows(self, agent: Point, target: Point, need: Need | str, scope: Scope | None = None) -> bool:
        """Whether the policy allows what :meth:`request` asks with the same ``agent``, ``target``, ``need`` and
        ``scope``."""
        return (await self.decide(agent, target, need, scope)).allowed

    async def allowed(self, agent: Point, target: Point, scope: Scope | None = None) -> str:
        """The letters of all permissions that the policy allows ``agent`` on ``target``, within ``scope``."""
        return "".join([letter for letter in LETTERS if await self.allows(agent, target, letter, scope)])

    async def refusal(self, agent: Point, target: Point, need: Need | str) -> Decision:
        """The answer of a policy that must refuse ``agent`` the ``need`` on ``target``; fails the test when it allows
        it."""
        decision = await self.decide(agent, target, need)
        assert not decision.allowed, f"{agent} is let through to {target} with {need}"
        return decision

    async def decisions(self, letters: str = LETTERS) -> dict[Asked, Decision]:
        """The answers about all agents and registered particles, for each permission in ``letters``."""
        there = await MemoryRegistry.records(self.registry, (ROOT, *POINTS))
        asked = [(agent, target, letter) for agent in AGENTS for target in there for letter in letters]
        return {one: await self.decide(*one) for one in asked}

    async def answers(self) -> dict[Asked, bool]:
        """Whether each agent has each permission on each registered particle."""
        return {asked: decision.allowed for asked, decision in (await self.decisions()).items()}

    # -- changing -----------------------------------------------------------------------------------------

    async def catch_up(self) -> tuple[Change, ...]:
        """Reports the changes of the registry to the policy, as the fabric does. Returns those changes."""
        found = await self.registry.changes(self.revision, timeout=0)
        self.revision = found.revision
        told = tuple(change for change in found.entries if change.kind in self.policy.change_kinds)
        for change in told:
            self.policy.changed(change)
        return told

    async def grant(self, text: str) -> AccessGrant:
        """Makes the grant that ``text`` writes, and tells the policy."""
        grant = await self.registry.grant(AccessGrant.parse(text))
        await self.catch_up()
        return grant
