"""Rights: what the policy has granted to those who create, select, read and delete, kept like the field's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contracts.policy import Need, Request
from ...contracts.registry import ParticleRecord
from ...universe.access.scope import Scope
from ...universe.address.point import Point

if TYPE_CHECKING:
    from ..machine import Machine

__all__ = ["Rights"]

_KEPT = 100_000


class Rights:
    """Asks the policy once for each agent, permission and particle, until something changes that it may rest on."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._granted: set[tuple[str, str, str, str]] = set()
        self._changes = 0

    async def demand(self, agent: Point, permission: str, target: ParticleRecord, scope: Scope | None = None) -> None:
        """Returns when ``agent`` has ``permission`` (a letter) on ``target``. Raises Forbidden."""
        if scope is not None:
            (await self._machine.policy.decide(Request(agent, "", Need(permission), target, scope))).check()
            return
        key = (agent.text, permission, target.point.text, target.owner.text)
        if key in self._granted:
            return
        changes = self._changes
        (await self._machine.policy.decide(Request(agent, "", Need(permission), target))).check()
        if changes == self._changes:
            if len(self._granted) >= _KEPT:
                self._granted.clear()
            self._granted.add(key)

    def forget(self) -> None:
        """Answers of the policy may have changed."""
        self._changes += 1
        self._granted.clear()
