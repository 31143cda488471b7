"""Told: decides of which particles an agent may know. docs/reference/access.md#what-is-told.

For an agent that may not select its parent, a particle does not exist, unless the agent has another right on it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

from ...contracts.policy import Decision, HoldsFor, Need, Request
from ...contracts.registry import ParticleRecord
from ...errors import Forbidden, HyperverseError, NotFound
from ...universe.access.scope import Scope
from ...universe.address.point import HYPERUSER, Point
from ...universe.waves.wave import BOUNCE, Directed, Outcome, Pong

__all__ = ["ReadRecords", "Told"]

ReadRecords: TypeAlias = Callable[[tuple[Point, ...]], Awaitable[Mapping[Point, ParticleRecord]]]
_Key: TypeAlias = tuple[str, Scope | None, str]
_SELECT: Final = Need("s")
_ANY_RIGHT: Final = (Need("x"), Need("r"), Need("w"))
_OF_CHILDREN: Final = frozenset("csd")
_ROOM: Final = 10_000
_UNKNOWN: Final = "no particle "
_HINT: Final = "it does not exist, or you may not select its parent"


class Told:
    """Decides what an agent may be told.

    Args:
        decide: asks the policy; a refusal is not reported.
        records: reads records; None for a machine that hides nothing.
    """

    def __init__(self, decide: Callable[[Request], Awaitable[Decision]], records: ReadRecords | None) -> None:
        self._decide = decide
        self._records = records
        self._hidden: dict[_Key, bool] = {}
        self._forgotten = 0

    def forget(self) -> None:
        """Forgets every answer, because something has changed on which an answer may depend."""
        self._hidden.clear()
        self._forgotten += 1

    async def record(self, point: Point) -> ParticleRecord | None:
        """Returns the record of a particle; None if there is none, or if nothing is hidden here."""
        return None if self._records is None else (await self._records((point,))).get(point)

    @staticmethod
    def missing(point: Point) -> NotFound:
        """Returns the error for a particle that does not exist or is hidden. The two cases cannot be distinguished."""
        return NotFound(f"{_UNKNOWN}{point.text!r}", hint=_HINT)

    def remembered(self, agent: Point, point: Point) -> bool | None:
        """Returns the result of :meth:`hides` for an agent without a scope, if it is remembered; None otherwise. It
        costs one look-up."""
        parent = point.parent
        if parent is None:
            return False
        known = self._hidden.get((agent.text, None, parent.text))
        if known is None and (self._records is None or not point.route.is_local):
            return False  # this case is not remembered
        return known

    async def hides(self, agent: Point, scope: Scope | None, point: Point) -> bool:
        """Whether ``agent`` may not know if there is a particle ``point``: it may not select the parent."""
        parent = point.parent
        if self._records is None or parent is None or agent == point or not point.route.is_local:
            return False
        if agent == HYPERUSER and scope is None:
            return False
        key = (agent.text, scope, parent.text)
        known = self._hidden.get(key)
        if known is not None:
            return known
        forgotten = self._forgotten
        record = (await self._records((parent,))).get(parent)
        if record is None:
            return True
        decision = await self._decide(Request(agent, "select", _SELECT, record, scope))
        if decision.holds_for is HoldsFor.NEED and forgotten == self._forgotten:
            if len(self._hidden) >= _ROOM:
                self._hidden.clear()
            self._hidden[key] = not decision.allowed
        return not decision.allowed

    async def heard(self, request: Request, error: HyperverseError) -> HyperverseError:
        """Returns the form of a refusal that the agent may see. An agent that lacks only a privilege has the
        permission, and therefore may know of the particle."""
        point = request.record.point
        if not isinstance(error, Forbidden) or request.need.privilege:
            return error
        if not await self.hides(request.agent, request.scope, point):
            return error
        if request.need.permission in _OF_CHILDREN:  # an agent that may see the children knows the parent
            asked = Request(request.agent, "select", _SELECT, request.record, request.scope)
            if (await self._decide(asked)).allowed:
                return error
        return self.missing(point)

    @staticmethod
    def is_missing(reply: Pong) -> bool:
        """Whether a reply is one that :meth:`missing` makes."""
        body = reply.body
        return reply.status == NotFound.status and isinstance(body, Mapping) and body.get("hint") == _HINT

    @classmethod
    def may_conceal(cls, wave: Directed, reply: Pong) -> bool:
        """Whether :meth:`conceals` has to find out what the sender may know. Costs no coroutine."""
        if wave.method is BOUNCE and reply.ok:
            return True
        told = reply.status == NotFound.status and reply.outcome is Outcome.REJECTED and not cls.is_missing(reply)
        return told and reply.error.startswith(_UNKNOWN)

    async def conceals(self, wave: Directed, reply: Pong, to: Point) -> bool:
        """Whether the sender of a wave must get, instead of ``reply``, the answer for a particle that does not exist.
        That is so for a Bounce, which needs no permission, and for an error that names points nearby."""
        if not self.may_conceal(wave, reply) or not await self.hides(wave.agent, wave.scope, to):
            return False
        return not reply.ok or not await self._has_any(wave, to, _ANY_RIGHT)

    async def turns_away(self, wave: Directed) -> bool:
        """Whether a wave without an answer is for a hidden particle that would refuse it."""
        if not await self.hides(wave.agent, wave.scope, wave.to):
            return False
        needs = _ANY_RIGHT if wave.method is BOUNCE else (Need(wave.method.need),)
        return not await self._has_any(wave, wave.to, needs)

    async def knows(self, agent: Point, scope: Scope | None, record: ParticleRecord) -> bool:
        """Whether ``agent`` may know of a particle: it may select the parent, or has any permission on the particle."""
        if not await self.hides(agent, scope, record.point):
            return True
        for letter in "rwxcsd":
            if (await self._decide(Request(agent, "select", Need(letter), record, scope))).allowed:
                return True
        return False

    async def may(self, wave: Directed, record: ParticleRecord, privilege: str) -> bool:
        """Whether the agent of the wave may send it to the particle; for a Bounce, whether it may do anything there.

        Args:
            wave: the wave.
            record: the record of the particle.
            privilege: what its handler demands in addition; empty for nothing.
        """
        if wave.method is not BOUNCE and not await self._allows(wave, record, Need(wave.method.need)):
            return False
        if wave.method is BOUNCE and not await self.has_any(wave, record.point):
            return False
        return not privilege or await self._allows(wave, record, Need("", privilege))

    async def _allows(self, wave: Directed, record: ParticleRecord, need: Need) -> bool:
        asked = Request(wave.agent, wave.method.text, need, record, wave.scope, wave.chain, wave.topic, wave.path)
        return (await self._decide(asked)).allowed

    async def has_any(self, wave: Directed, point: Point) -> bool:
        """Whether the agent of the wave may read, write or execute the particle."""
        return await self._has_any(wave, point, _ANY_RIGHT)

    async def _has_any(self, wave: Directed, point: Point, needs: tuple[Need, ...]) -> bool:
        record = (await self._records((point,))).get(point) if self._records is not None else None
        if record is None:
            return False
        for need in needs:
            asked = Request(wave.agent, wave.method.text, need, record, wave.scope, wave.chain, wave.topic)
            if (await self._decide(asked)).allowed:
                return True
        return False
