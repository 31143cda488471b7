"""A gate with a policy behind it that counts, and particles as the gate sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from hyperverse_core.contracts.policy import (
    Credentials,
    Decision,
    Need,
    PolicyView,
    Request,
    SecurityPolicy,
)
from hyperverse_core.contracts.registry import Change, ChangeKind, ParticleRecord
from hyperverse_core.errors import HyperverseError, Unauthorized
from hyperverse_core.fabric.delivery.gate import Gate
from hyperverse_core.fabric.delivery.policy_answers import PolicyAnswers
from hyperverse_core.fabric.particles.letters import NOBODY
from hyperverse_core.universe.address.point import Point
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
        self.gate.answers.changed(Change(1, kind, point))


def ping(agent: Point, particle: Particle, method: str = "Ext<Get>", **wave: Any) -> Ping:
    return Ping(particle.record.point, Method.parse(method), agent=agent, id="wave", **wave)


def particle(point: Point = HOME, owner: Point = ALICE) -> Particle:
    return Particle(ParticleRecord(point, Kind("Base"), owner))


def make(answer: Answer = by_owner, room: int = 10_000, policy: Asked | None = None) -> World:
    denied: list[tuple[str, str, str, str]] = []

    def tell(agent: Point, target: Point, action: str, error: HyperverseError) -> None:
        denied.append((agent.text, target.text, action, str(error)))

    policy = policy or Asked(answer)
    return World(policy, Gate(PolicyAnswers(policy, "asked", timeout=TIMEOUT, room=room), tell), denied)
