"""The rights of callers at stops of a bind marked ``(caller)``. See docs/reference/binds.md#pipelines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from ...contracts.policy import Need, Request
from ...contracts.registry import ParticleRecord
from ...errors import Forbidden
from ...universe.access.grant import GrantKind, GrantWord
from ...universe.access.permissions import PermissionsMask
from ...universe.access.scope import Scope, ScopeGrant
from ...universe.address.point import HYPERUSER, Point
from ...universe.selectors.selector import Selector
from ...universe.waves.wave import Directed, MethodKind, Ping, Signal
from ..particles.resident import Resident
from .gate import Gate

__all__ = ["CallersRights"]

_GIVEN = {
    "r": PermissionsMask.parse("+csd-Rwx"),
    "w": PermissionsMask.parse("+csd-rWx"),
    "x": PermissionsMask.parse("+csd-rwX"),
}
"""The only permission that a wave needs."""


class CallersRights:
    """Lends the caller's rights to a wave that a bind forwards, as far as the owner of the particle with the bind also
    has them. So the author of a bind cannot reach anything that the owner could not reach.

    Args:
        gate: asks the policy about the caller and about the owner.
        records: reads the records of targets.
    """

    def __init__(
        self,
        gate: Gate,
        records: Callable[[tuple[Point, ...]], Awaitable[Mapping[Point, ParticleRecord]]],
    ) -> None:
        self._gate = gate
        self._records = records

    async def lend(self, active: Resident, wave: Directed, request: Ping | Signal) -> None:
        """Makes ``request`` a wave of the caller. A ``Cmd`` stays a wave of the particle.

        Args:
            active: the particle with the bind.
            wave: the caller's wave.
            request: the wave that the bind forwards; its agent and its scope are set.

        Raises:
            NotFound: there is no such particle, or the caller may not know about it.
            Forbidden: the caller or the owner is not allowed to do it.
        """
        if request.method.kind is MethodKind.CMD:
            return
        target = (await self._records((request.to,))).get(request.to)
        if target is None:
            raise self._gate.told.missing(request.to)
        action, need, owner = request.method.text, Need(request.method.need), active.record.owner
        asked = Request(wave.agent, action, need, target, wave.scope, wave.chain, wave.topic, request.path)
        await self._gate.check(asked, wave)
        if owner == HYPERUSER:  # the rights of the hyperuser are no limit
            request.agent, request.scope = wave.agent, wave.scope
            return
        of_owner = Request(owner, action, need, target, None, wave.chain, wave.topic, request.path)
        if not (await self._gate.decide(of_owner, wave)).allowed:
            point, method = target.point.text, request.method
            error = Forbidden(
                f"{active.text!r} lends your rights to {method} at {point!r} only where its owner may also do that",
                hint=f"see `hyperverse explain {owner.text} on {point} {method}`",
            )
            raise self._gate.refused(asked, error, wave)
        request.agent, request.scope = wave.agent, _only(target, need, whole=target.owner == owner)


def _only(target: ParticleRecord, need: Need, *, whole: bool) -> Scope:
    """Returns a scope that allows the caller what it needs on one target, and nothing elsewhere. Without it, acts of
    the target's handler on behalf of the caller would not be limited by the owner's rights.

    Args:
        target: the target.
        need: the need that the policy has confirmed.
        whole: whether the owner has every privilege there. If not, the single privileges are not checked.
    """
    at = Selector.of(target.point)
    kinds = [GrantKind(GrantWord.PERMISSIONS, mask=_GIVEN[one]) for one in need.permission]
    if whole:
        kinds.append(GrantKind(GrantWord.PRIVILEGE, privilege="*"))
    return Scope.of(ScopeGrant(at, kind) for kind in kinds)
