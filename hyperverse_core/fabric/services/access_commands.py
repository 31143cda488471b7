"""The commands about access at work: grant, grants, revoke, chown, explain, access."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from ...contracts.administration import Administration, Preview
from ...contracts.policy import Explanation, Need, Request
from ...contracts.registry import Change, ChangeKind, ParticleRecord, Registry
from ...errors import Forbidden, NotFound, PolicyError
from ...universe.access.access import AccessGrant
from ...universe.access.scope import ScopeKind
from ...universe.address.point import ROOT, Point
from ...universe.commands import command as commands
from ...universe.kinds.kind import Kind
from ...universe.selectors.selector import Selector
from ...universe.waves.wave import BOUNCE, Method, MethodKind
from ..caches.records import Records
from ..delivery.gate import Gate
from ..particles.caller import Caller
from ..particles.homes import Homes
from ..particles.served import ServedKinds
from ..placement.provisioner import Provisioner
from .slices import in_slices

__all__ = ["AccessCommands", "grant_row"]

T = TypeVar("T")
_NO_NEED = Need()
_EVERYTHING = Need("csdrwx")
"""What an agent needs on a particle to be told what others may do there."""
_NO_REVISION = 0
_PAGE = 1000


def grant_row(grant: AccessGrant) -> dict[str, Any]:
    """A grant as plain values."""
    return {
        "id": grant.id,
        "gives": str(grant.kind),
        "on": str(grant.on),
        "to": str(grant.to),
        "by": grant.by.text,
    }


class AccessCommands:
    """Carries out the commands about access on one machine."""

    CARRIES_OUT: Final = (
        commands.Grant,
        commands.Grants,
        commands.Revoke,
        commands.Chown,
        commands.Explain,
        commands.ShowAccess,
    )

    def __init__(
        self,
        registry: Registry,
        records: Records,
        gate: Gate,
        provisioner: Provisioner,
        served: ServedKinds,
        homes: Homes,
    ) -> None:
        self._registry = registry
        self._records = records
        self._gate = gate
        self._provisioner = provisioner
        self._served = served
        self._homes = homes

    async def run(self, command: Any, caller: Caller) -> Any:
        """Carries out one of the commands in :attr:`CARRIES_OUT` in the name of ``caller``. Raises what the policy and
        the registry raise."""
        match command:
            case commands.Grant():
                return await self._grant(command, caller)
            case commands.Grants():
                return await self._grants(command, caller)
            case commands.Revoke():
                return await self._revoke(command, caller)
            case commands.Chown():
                return await self._chown(command, caller)
            case commands.Explain():
                return await self._explain(command, caller)
        return await self._holders(command, caller)

    # -- changing -----------------------------------------------------------------------------------------

    async def _grant(self, command: commands.Grant, caller: Caller) -> Any:
        request = await self.request(caller, "grant", command.on.anchor)
        grant = AccessGrant(command.kind, command.on, command.to, caller.agent)
        if command.dry_run:
            return _preview(await self.administer(request, lambda a: a.preview_grant(grant)))
        made = await self.administer(request, lambda a: a.grant(grant))
        self._changed(ChangeKind.GRANTED, made.on.query_root)
        return grant_row(made)

    async def _revoke(self, command: commands.Revoke, caller: Caller) -> Any:
        request = await self.request(caller, "revoke", ROOT)
        if command.dry_run:
            preview = await self.administer(request, lambda a: a.preview_revoke(command.id, by=caller.agent))
            return _preview(preview)
        revoked = await self.administer(request, lambda a: a.revoke(command.id, by=caller.agent))
        self._changed(ChangeKind.REVOKED, revoked.on.query_root)
        return grant_row(revoked)

    async def _chown(self, command: commands.Chown[Point], caller: Caller) -> Any:
        request = await self.request(caller, "chown", command.selector.anchor)
        records = await self._matches(command.selector)
        if command.dry_run:
            preview = await self.administer(request, lambda a: a.preview_chown(records, command.owner, by=caller.agent))
            return _preview(preview)

        async def give(part: Sequence[ParticleRecord]) -> None:
            await self.administer(request, lambda a: a.chown(part, command.owner, by=caller.agent))
            for record in part:
                self._records.drop(record.point)
                self._changed(ChangeKind.OWNER, record.point)
            await self._homes.check(tuple(record.point for record in part))

        await in_slices(records, give, done="have the new owner")
        return {"owner": command.owner.text, "changed": [record.point.text for record in records]}

    def _changed(self, kind: ChangeKind, point: Point) -> None:
        """What is asked here from now on is decided by the new rule; other machines hear of it by the change feed."""
        self._gate.changed(Change(_NO_REVISION, kind, point))

    async def _matches(self, selector: Selector) -> list[ParticleRecord]:
        found: list[ParticleRecord] = []
        after: Point | None = None
        while True:
            page = await self._registry.select(selector, after=after, limit=_PAGE)
            found += page.records
            after = page.after
            if after is None:
                break
        if not found:
            raise NotFound(f"nothing matches {str(selector)!r}")
        return found

    # -- telling ------------------------------------------------------------------------------------------

    async def _grants(self, command: commands.Grants, caller: Caller) -> Any:
        found = await self._gate.administer(lambda a: a.grants(on=command.on, to=command.to, by=caller.agent))
        return [grant_row(grant) for grant in found]

    async def _holders(self, command: commands.ShowAccess[Point], caller: Caller) -> Any:
        record = await self._record(command.point)
        await self._gate.check(self._asked(caller, "access", _EVERYTHING, record))
        found = await self._gate.administer(lambda a: a.holders(record))
        rows = [
            {"agent": h.agent.text, "access": str(h.access), "rule": h.rule, "grants": list(h.grants)}
            for h in found.holdings
        ]
        return {
            "point": record.point.text,
            "owner": record.owner.text,
            "holders": rows,
            "note": found.note,
            "complete": found.complete,
        }

    async def _explain(self, command: commands.Explain[Point], caller: Caller) -> Any:
        record = await self._record(command.point)
        if caller.agent != command.agent:
            await self._gate.check(self._asked(caller, "explain", _EVERYTHING, record))
        method = command.method
        action = "any action" if method is None else method.text
        found = [
            await self._gate.explain(Request(command.agent, action, need, record))
            for need in self._needs(method, record)
        ]
        deciding = next((e for e in found if not e.decision.allowed), found[-1])
        return _explanation(deciding, method)

    def _needs(self, method: Method | None, record: ParticleRecord) -> Sequence[Need]:
        """What a wave of this method takes: the permission, and the privilege that its handler demands."""
        if method is None or method is BOUNCE or method.kind is MethodKind.HYP:
            return (_NO_NEED,)
        active = self._homes.at_home(record.point)
        served = self._served.get(record.kind.base) if active is None else active.served
        privilege = "" if served is None else served.of_record(record).handlers.privilege(method)
        return (Need(method.need), *((Need("", privilege),) if privilege else ()))

    # -- rights -------------------------------------------------------------------------------------------

    async def administer(self, request: Request, act: Callable[[Administration], Awaitable[T]]) -> T:
        """What ``act`` returns, once the gate lets the agent do such a thing. A refusal is logged and told."""
        await self._gate.check(request)
        scope = request.scope
        if scope is not None and scope.kind is not ScopeKind.FULL:
            raise self._gate.refused(
                request,
                Forbidden(
                    f"{request.agent.text!r} may not {request.action} within a scope",
                    hint="grants and owners are changed without a scope",
                ),
            )
        try:
            return await self._gate.administer(act)
        except PolicyError as exc:
            raise self._gate.refused(request, exc) from None

    async def request(self, caller: Caller, action: str, point: Point) -> Request:
        """Returns the question whether ``caller`` may do such a thing at all at ``point``."""
        known = (await self._records.get((point,))).get(point)
        record = known or ParticleRecord(point, Kind("Root" if point.is_root else "Base"), point)
        return self._asked(caller, action, _NO_NEED, record)

    @staticmethod
    def _asked(caller: Caller, action: str, need: Need, record: ParticleRecord) -> Request:
        return Request(caller.agent, action, need, record, caller.scope, caller.chain, caller.session)

    async def _record(self, point: Point) -> ParticleRecord:
        active = self._homes.at_home(point)
        if active is not None and active.assignment is None:  # one of the platform's own, which has no record
            return active.record
        found = (await self._registry.records((point,))).get(point)
        if found is None:
            raise NotFound(f"no particle {point.text!r}", hint=await self._provisioner.nearest(point))
        return found


def _preview(preview: Preview) -> Mapping[str, Any]:
    rows = [
        {"agent": c.agent.text, "point": c.point.text, "now": str(c.before), "then": str(c.after)}
        for c in preview.changes
    ]
    return {"would_change": rows, "complete": preview.complete}


def _explanation(found: Explanation, method: Method | None) -> Mapping[str, Any]:
    request, decision = found.request, found.decision
    return {
        "agent": request.agent.text,
        "point": request.record.point.text,
        "owner": request.record.owner.text,
        "access": found.access,
        "method": "" if method is None else method.text,
        "needs": {"permission": request.need.permission, "privilege": request.need.privilege},
        "allowed": decision.allowed if method is not None else None,
        "rule": found.rule,
        "reasons": [
            {
                "id": reason.id,
                "text": reason.text,
                "by": "" if reason.by is None else reason.by.text,
                "counts": reason.counts,
                "decides": reason.decides and method is not None,
                "why": reason.why,
            }
            for reason in found.reasons
        ],
        "hint": "" if decision.allowed else decision.hint,
    }
