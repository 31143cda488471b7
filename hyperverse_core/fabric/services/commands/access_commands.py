"""Execution of the commands about access: grant, grants, revoke, chown, explain, access."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, TypeVar

from ....contracts.administration import Administration, Preview
from ....contracts.policy import Need, Request
from ....contracts.registry import Change, ChangeKind, ParticleRecord, Registry
from ....errors import Forbidden, NotFound, PolicyError
from ....universe.access.access import AccessGrant
from ....universe.access.grant import GrantWord
from ....universe.access.scope import ScopeKind
from ....universe.address.point import HYPERUSER, ROOT, Point
from ....universe.commands import command as commands
from ....universe.kinds.kind import Kind
from ....universe.waves.wave import BOUNCE, Method, MethodKind
from ...caches.records import Records
from ...delivery.explained import explanation_row
from ...delivery.gate import Gate
from ...interception.audit_trail import AuditTrail
from ...particles.caller import Caller
from ...particles.handlers import Handlers
from ...particles.homes import Homes
from ...particles.served import ServedKinds
from ...placement.nearest import nearest
from .acts import COMMANDS, act_named
from .matching import every_match
from .slices import in_slices, made_in_slices

__all__ = ["AccessCommands", "grant_row"]

T = TypeVar("T")
_NO_NEED = Need()
_EVERYTHING = Need("csdrwx")
"""The need of an agent on a particle in order to learn what others may do there."""
_NO_REVISION = 0
_AT_A_POINT = frozenset({"grant", "chown", "token"})
"""Commands about access that the policy decides where they ask the gate."""


def grant_row(grant: AccessGrant) -> dict[str, Any]:
    """Returns a grant as plain values."""
    return {
        "id": grant.id,
        "gives": str(grant.kind),
        "on": str(grant.on),
        "to": str(grant.to),
        "by": grant.by.text,
    }


class AccessCommands:
    """Executes the commands about access on one machine."""

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
        served: ServedKinds,
        homes: Homes,
        audit: AuditTrail,
    ) -> None:
        self._audit = audit
        self._registry = registry
        self._records = records
        self._gate = gate
        self._served = served
        self._homes = homes

    async def run(self, command: Any, caller: Caller, remaining: Callable[[], float]) -> Any:
        """Executes one of the commands in :attr:`CARRIES_OUT` on behalf of ``caller``, within the seconds that
        ``remaining`` returns. Raises the errors of the policy and the registry."""
        match command:
            case commands.Grant():
                return await self._grant(command, caller)
            case commands.Grants():
                return await self._grants(command, caller)
            case commands.Revoke():
                return await self._revoke(command, caller)
            case commands.Chown():
                return await self._chown(command, caller, remaining)
            case commands.Explain():
                return await self._explain(command, caller)
        return await self._holders(command, caller)

    # -- changing -----------------------------------------------------------------------------------------

    async def _grant(self, command: commands.Grant, caller: Caller) -> Any:
        request = await self.request(caller, "grant", command.on.anchor)
        needed = "super" if command.kind.word is GrantWord.SUPER else "full"
        await self._demand_power(request, caller, f"a grantor needs {needed} access to the particles of the grant")
        grant = AccessGrant(command.kind, command.on, command.to, caller.agent)
        if command.dry_run:
            return _preview(await self.administer(request, caller, lambda a: a.preview_grant(grant)))
        with self._audit.act("grant", caller, grant.on, gives=grant.kind, to=grant.to):
            made = await self.administer(request, caller, lambda a: a.grant(grant))
        self._changed(ChangeKind.GRANTED, made.on.query_root)
        return grant_row(made)

    async def _revoke(self, command: commands.Revoke, caller: Caller) -> Any:
        request = await self.request(caller, "revoke", ROOT)
        if command.dry_run:
            preview = await self.administer(request, caller, lambda a: a.preview_revoke(command.id, by=caller.agent))
            return _preview(preview)
        with self._audit.act("revoke", caller, f"grant {command.id}"):
            revoked = await self.administer(request, caller, lambda a: a.revoke(command.id, by=caller.agent))
        self._changed(ChangeKind.REVOKED, revoked.on.query_root)
        return grant_row(revoked)

    async def _chown(self, command: commands.Chown[Point], caller: Caller, remaining: Callable[[], float]) -> Any:
        request = await self.request(caller, "chown", command.selector.anchor)
        await self._demand_power(request, caller, "this requires super access")
        records = await every_match(self._registry, command.selector)
        if command.dry_run:
            preview = await self.administer(
                request, caller, lambda a: a.preview_chown(records, command.owner, by=caller.agent)
            )
            return _preview(preview)

        async def give(part: Sequence[ParticleRecord]) -> None:
            await self.administer(request, caller, lambda a: a.chown(part, command.owner, by=caller.agent))
            for record in part:
                self._records.drop(record.point)
                self._changed(ChangeKind.OWNER, record.point)
            await self._homes.check(tuple(record.point for record in part))

        with self._audit.act("chown", caller, command.selector, owner=command.owner, particles=len(records)):
            await in_slices(records, give, remaining=remaining, done="got the new owner")
        changed = await made_in_slices(records, lambda record: record.point.text)
        return {"owner": command.owner.text, "changed": changed}

    def _changed(self, kind: ChangeKind, point: Point) -> None:
        """Applies the new rule on this machine immediately; other machines learn of it from the change feed."""
        self._gate.answers.changed(Change(_NO_REVISION, kind, point))

    # -- telling ------------------------------------------------------------------------------------------

    async def _grants(self, command: commands.Grants, caller: Caller) -> Any:
        found = await self._gate.answers.administer(lambda a: a.grants(on=command.on, to=command.to, by=caller.agent))
        return [grant_row(grant) for grant in found]

    async def _holders(self, command: commands.ShowAccess[Point], caller: Caller) -> Any:
        record = await self._record(command.point, caller)
        await self._gate.check(self._asked(caller, "access", _EVERYTHING, record), caller.wave)
        found = await self._gate.answers.administer(lambda a: a.holders(record))
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
        if command.act:
            return await self._explain_act(command, caller)
        record = await self._may_ask(command.agent, command.point, caller)
        method = command.method
        action = "" if method is None else method.text
        row = await self._explanation(command.agent, action, self._needs(method, record), record)
        served = self._served.get(record.kind.base)
        if served is None or not served.grants:
            return row
        return {**row, "granted": await served.granted(record, caller.agent, caller.scope)}

    async def _explain_act(self, command: commands.Explain[Point], caller: Caller) -> Any:
        known = COMMANDS.get(command.act)
        target = command.point if known is None else known.target(command.point)
        record = await self._may_ask(command.agent, target, caller)
        handlers = self._handlers(record)
        act = act_named(command.act, handlers.each_method() if handlers is not None else ())
        if act.method is not None:
            return await self._explanation(command.agent, act.method.text, self._needs(act.method, record), record)
        need = act.need
        if command.act == "token" and target == HYPERUSER:
            need = Need(power="super")  # only the hyperuser itself has super access on the hyperuser
        return await self._explanation(command.agent, command.act, (need,), record)

    async def _may_ask(self, agent: Point, target: Point, caller: Caller) -> ParticleRecord:
        """Returns the record of a particle if the caller may ask what ``agent`` may do there. Raises Forbidden, and
        NotFound if the caller may not know of the particle."""
        record = await self._record(target, caller)
        await self._demand_known(self._asked(caller, "explain", _NO_NEED, record), caller)
        if caller.agent != agent:
            await self._gate.check(self._asked(caller, "explain", _EVERYTHING, record), caller.wave)
        return record

    async def _explanation(
        self, agent: Point, action: str, needs: Sequence[Need], record: ParticleRecord
    ) -> dict[str, Any]:
        """Explains why ``agent`` may or may not do it, using the first need that is refused."""
        asked = action or "any action"
        found = [await self._gate.answers.explain(Request(agent, asked, need, record)) for need in needs]
        deciding = next((e for e in found if not e.decision.allowed), found[-1])
        return explanation_row(deciding, action)

    def _needs(self, method: Method | None, record: ParticleRecord) -> Sequence[Need]:
        """Returns the needs of a wave of this method: the permission, and the privilege that its handler requires."""
        free = method is None or method is BOUNCE or method.kind is MethodKind.HYP
        if method is None or free or self._gate.is_open(record.point, method):
            return (_NO_NEED,)
        handlers = self._handlers(record)
        privilege = "" if handlers is None else handlers.privilege(method)
        return (Need(method.need), *((Need("", privilege),) if privilege else ()))

    def _handlers(self, record: ParticleRecord) -> Handlers | None:
        active = self._homes.at_home(record.point)
        served = self._served.get(record.kind.base) if active is None else active.served
        return None if served is None else served.of_record(record).handlers

    # -- rights -------------------------------------------------------------------------------------------

    def audited(self, event: str, caller: Caller, target: object, **details: object) -> AbstractContextManager[None]:
        """Wraps an act that must be in the audit log. Raises Unavailable if the log cannot be written."""
        return self._audit.act(event, caller, target, **details)

    async def administer(self, request: Request, caller: Caller, act: Callable[[Administration], Awaitable[T]]) -> T:
        """Returns the result of ``act``, if the gate allows the agent to do it. A refusal is logged and reported."""
        await self._gate.check(request, caller.wave)
        scope = request.scope
        if scope is not None and scope.kind is not ScopeKind.FULL:
            raise self._gate.refused(
                request,
                Forbidden(
                    f"{request.agent.text!r} may not administer access ({request.action}) within a scope",
                    hint="use a token without a scope: `hyperverse whoami` shows the scope of yours",
                ),
                caller.wave,
            )
        try:
            return await self._gate.answers.administer(act)
        except PolicyError as exc:
            if isinstance(exc, Forbidden):
                exc.explanation = await self._why_refused(request, caller)
            raise self._gate.refused(request, exc, caller.wave) from None

    async def _why_refused(self, request: Request, caller: Caller) -> Mapping[str, object] | None:
        """Returns why the caller may not do it at the point in question. It does so only if the caller may know of that
        point, and if the refusal is about that point rather than another one that a selector matches."""
        if request.action not in _AT_A_POINT or not await self._gate.told.knows(
            caller.agent, caller.scope, request.record
        ):
            return None
        active = self._homes.at_home(request.record.point)
        record = active.record if active is not None and active.assignment is None else request.record
        row = await self._explanation(caller.agent, request.action, (COMMANDS[request.action].need,), record)
        return row if row["allowed"] is False else None

    async def request(self, caller: Caller, action: str, point: Point) -> Request:
        """Returns the request whether ``caller`` may do this at all at ``point``."""
        known = (await self._records.get((point,))).get(point)
        record = known or ParticleRecord(point, Kind("Root" if point.is_root else "Base"), point)
        return self._asked(caller, action, _NO_NEED, record)

    @staticmethod
    def _asked(caller: Caller, action: str, need: Need, record: ParticleRecord) -> Request:
        return Request(caller.agent, action, need, record, caller.scope, caller.chain, caller.session)

    async def _demand_power(self, request: Request, caller: Caller, hint: str) -> None:
        """Raises Forbidden if the caller may not know of the particle in question, because the caller has no power
        there, whether or not the particle exists."""
        if not await self._gate.told.knows(caller.agent, caller.scope, request.record):
            said = f"{caller.agent.text!r} may not {request.action} anything on {request.record.point.text!r}"
            raise self._gate.refused(request, Forbidden(said, hint=hint), caller.wave)

    async def _demand_known(self, request: Request, caller: Caller) -> None:
        """Raises NotFound if the caller may not know of the particle in question; this is logged and reported."""
        point = request.record.point
        if not await self._gate.told.knows(caller.agent, caller.scope, request.record):
            self._gate.refused(request, Forbidden(f"{point.text!r} is hidden from {caller.agent.text!r}"), caller.wave)
            raise self._gate.told.missing(point)

    async def _record(self, point: Point, caller: Caller) -> ParticleRecord:
        active = self._homes.at_home(point)
        if active is not None and active.assignment is None:  # a particle of the platform, which has no record
            return active.record
        found = (await self._registry.records((point,))).get(point)
        if found is None:
            if await self._gate.told.hides(caller.agent, caller.scope, point):
                raise self._gate.told.missing(point)
            raise NotFound(f"no particle {point.text!r}", hint=await nearest(self._registry, point))
        return found


def _preview(preview: Preview) -> Mapping[str, Any]:
    rows = [
        {"agent": c.agent.text, "point": c.point.text, "now": str(c.before), "then": str(c.after)}
        for c in preview.changes
    ]
    return {"would_change": rows, "complete": preview.complete}
