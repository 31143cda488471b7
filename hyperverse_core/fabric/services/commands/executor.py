"""Execution of commands: each runs on behalf of an agent, and asks the policy for what it needs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import msgspec

from ....contracts.driver import Ctx
from ....contracts.policy import Need, Request
from ....contracts.registry import ParticleRecord, Registry, Status
from ....errors import (
    HyperverseError,
    InternalError,
    NoDriver,
    NotFound,
    ParseError,
    TooLarge,
    described,
)
from ....protocol.client_budget import LONGEST_TEXT
from ....protocol.states.fields import shown
from ....scheduling.cancellation import ends_task
from ....scheduling.guarded_log import guarded_log
from ....universe.address.env import Env
from ....universe.address.point import HYPERUSER, ROOT, Point
from ....universe.commands import command as commands
from ....universe.commands.command import Command, CommandTemplate, Into
from ....universe.commands.script import parse_command
from ....universe.selectors.below import below
from ....universe.selectors.selector import Selector
from ....universe.waves.wave import Echo, Method, Outcome, Pong
from ...caches.records import Records
from ...delivery.gate import Gate
from ...interception.audit_trail import AuditTrail
from ...particles.context import Context
from ...particles.conversion import to_body
from ...particles.homes import Homes
from ...particles.sealed_properties import SealedProperties
from ...particles.served import ServedKinds
from ...placement.partly_done import is_partly_done
from ...placement.provisioner import Provisioner
from ...placement.remover import Remover
from ..reports.descriptions import Descriptions
from .access_commands import AccessCommands
from .masking import Masking
from .matching import PAGE, every_match
from .property_values import PropertyValues
from .rights import SenderRights
from .scripts import run_script
from .slices import TimeForSlices, in_slices, made_in_slices
from .spared import USERS, spare

__all__ = ["Commands"]

_log = guarded_log("hyperverse.command")
_SHOWN_AS = {"unreachable": Status.UNKNOWN, "stuck": Status.PANIC}
"""The statuses shown for states that the record of a particle does not contain."""
_READ = Method.parse("Cmd<Read>")
_UPDATE = Method.parse("Cmd<Update>")
_Do = Callable[["Commands", Any, Context], Awaitable[Any]]


_RIPPLE_SHARE = 0.75
"""Share of a command's time during which a Ripple gathers answers. The rest is for returning them, which takes seconds
with a hundred thousand answers on a busy computer."""


def check_text(text: str) -> None:
    """Raises TooLarge if a command or a script is so long that parsing it would block all other work."""
    if len(text) > LONGEST_TEXT:
        raise TooLarge(
            f"the text has {len(text)} characters; at most {LONGEST_TEXT} are allowed",
            hint="send the commands one by one; name a file for a long value or body: ^[ file ]",
        )


def stub(record: ParticleRecord) -> dict[str, Any]:
    """Returns point, Kind and status of a particle, as plain values."""
    return {"point": record.point.text, "kind": str(record.kind), "status": str(record.status)}


def _row(echo: Echo) -> dict[str, Any]:
    return {"point": echo.sender.text, "status": echo.status, "outcome": str(echo.outcome), "body": echo.body}


def _has_locked(record: ParticleRecord, keys: set[str]) -> bool:
    return any(key in keys and value.locked for key, value in record.properties.items())


class Commands:
    """Executes commands on one machine."""

    def __init__(
        self,
        *,
        registry: Registry,
        records: Records,
        gate: Gate,
        provisioner: Provisioner,
        remover: Remover,
        served: ServedKinds,
        homes: Homes,
        descriptions: Descriptions,
        audit: AuditTrail,
        sealed: SealedProperties,
    ) -> None:
        self._registry = registry
        self._records = records
        self._gate = gate
        self._provisioner = provisioner
        self._remover = remover
        self._served = served
        self._homes = homes
        self._descriptions = descriptions
        self._rights = SenderRights(registry, records, gate)
        self._values = PropertyValues(served, sealed)
        self.masking = Masking(served)
        self.about_access = AccessCommands(registry, records, gate, served, homes, audit)

    async def run(self, command: Command | CommandTemplate | str, ctx: Context, env: Env | None = None) -> Pong:
        """Executes one command as the agent of ``ctx``; every failure becomes a reply with its status."""
        try:
            if isinstance(command, str) and len(command) > LONGEST_TEXT:
                check_text(command)
            parsed = parse_command(command) if isinstance(command, str) else command
            resolved = parsed.resolve(env or Env(working=ctx.point))  # type: ignore[misc]  # all have it
            do = _DO.get(type(resolved))
            if do is None:
                word = type(resolved).__name__.lower()
                raise NoDriver(f"this version does not execute the command {word!r}", hint="it can only parse it")
            answer = await do(self, resolved, ctx)
        except HyperverseError as exc:
            return self.refused(exc)
        except BaseException as exc:
            if ends_task(exc):
                raise
            word = "a script" if isinstance(command, str) else type(command).__name__  # the values in it may be secret
            _log.exception("a command failed: %s; please report it", word)
            return self.refused(InternalError(f"the command failed: {described(exc)}", hint="please report it"))
        return answer if isinstance(answer, Pong) else Pong(200, answer)

    async def run_select(self, command: commands.Select, ctx: Context, after: Point) -> Pong:
        """Returns the next page of a select."""
        try:
            return Pong(200, await self._select(command, ctx, after))
        except HyperverseError as exc:
            return self.refused(exc)

    def refused(self, error: HyperverseError) -> Pong:
        """Returns the reply to a command that failed; it says where the text is wrong, also in a nested text."""
        reply = Pong.failure(error, Outcome.FAILED if is_partly_done(error) else Outcome.REJECTED)
        if isinstance(error, ParseError):
            place = {"line": error.line, "column": error.column, "expected": list(error.expected)}
            reply.body |= {**place, "caret": self.masking.text(error.caret())}
        elif isinstance(error.__cause__, ParseError):
            reply.body["caret"] = self.masking.text(error.__cause__.caret())
        return reply

    async def run_script(
        self, text: str, ctx: Ctx, *, keep_going: bool, working: str, files: dict[str, bytes], after: str
    ) -> list[dict[str, Any]]:
        """Executes a script, command by command, and stops at the first failure unless ``keep_going``.

        Returns:
            one map for each command that was started: ``command``, ``line``, ``column``, ``status``, ``outcome``,
            ``body``, ``receipt``.
        """
        if len(text) > LONGEST_TEXT:
            check_text(text)
        env = Env(working=Point.parse(working) if working else ROOT, files=files)
        return await run_script(self, text, cast(Context, ctx), env, keep_going=keep_going, after=after)

    # -- registry -----------------------------------------------------------------------------------------

    async def _create(self, command: commands.Create[Any], ctx: Context) -> Any:
        record = await self._provisioner.create_from(
            command.where,
            command.kind,
            command.properties,
            command.strategy,
            ctx.caller,
            state=None if command.state is None else msgspec.msgpack.encode(command.state),
        )
        return stub(record)

    async def _publish(self, command: commands.Publish[Point], ctx: Context) -> Any:
        return await self._create(command.as_create(), ctx)

    async def _select(self, command: commands.Select, ctx: Context, after: Point | None = None) -> Any:
        at = after
        refused: Request | None = None
        while True:  # a page on which the agent may see nothing yields no row, so the next page is read
            page = await self._registry.select(command.selector, after=at, limit=PAGE)
            above = await self._rights.above(page.records)
            requests = [self._rights.request(ctx, "s", "select", record) for record in above.values()]
            decisions = await self._gate.checks.run(ctx.wave, self._gate.answers.decide_many(requests))
            allowed = {r.record.point for r, d in zip(requests, decisions, strict=True) if d.allowed}
            seen = [r for r in page.records if (r.point.parent or r.point) in allowed]
            refused = refused or next(iter(requests), None)
            if seen or page.after is None:
                break
            at = page.after
            await asyncio.sleep(0)
        if not seen and after is None:
            await self._rights.check_to_see(command.selector, refused, ctx)
        items = [r.point.text for r in seen] if command.into is Into.POINTS else [self._seen(r) for r in seen]
        return {"items": items, "after": seen[-1].point.text if seen and page.after else None}

    def _seen(self, record: ParticleRecord) -> dict[str, Any]:
        """Returns a particle from the view of this machine: the status is unknown if its star cannot be reached, and
        Panic if no star can host it."""
        found, life = stub(record), self._descriptions.life(record)
        if life in _SHOWN_AS:
            found["status"] = str(_SHOWN_AS[life])
        return found

    async def _with_all_below(self, found: Sequence[ParticleRecord]) -> list[ParticleRecord]:
        """Returns these particles and everything below them, each once, ordered by point."""
        every: dict[str, ParticleRecord] = {}
        for record in sorted(found, key=lambda one: len(one.point.segments)):
            if record.point.text in every:
                continue
            every[record.point.text] = record
            selector = below(record.point)
            with contextlib.suppress(NotFound):
                inside = await every_match(self._registry, Selector.parse(selector)) if selector else []
                every |= {one.point.text: one for one in inside}
        return [every[text] for text in sorted(every)]

    async def _delete(self, command: commands.Delete, ctx: Context) -> Any:
        matched = await self._rights.every_match(command.selector, ctx)
        matched = await self._rights.known(ctx, command.selector, matched, "d", "delete")
        agent = ctx.caller.agent
        spared = spare(command.selector, matched, agent, await self._records.get((agent, USERS)))
        found = spared.doomed

        async def demand(part: Sequence[ParticleRecord]) -> None:
            await self._rights.demand(ctx, "d", "delete", *(await self._rights.above(part)).values())

        await in_slices(found, demand)
        kept = {"kept": [stub(r) for r in spared.kept]} if spared.kept else {}
        if command.dry_run:
            return {"would_delete": await made_in_slices(await self._with_all_below(found), stub), **kept}
        check = TimeForSlices(lambda: ctx.remaining).check
        deleted = await self._remover.delete([r.point for r in found], check=check)
        return {"deleted": await made_in_slices(deleted, stub), **kept}

    async def _get(self, command: commands.Get[Point], ctx: Context) -> Any:
        record = await self._rights.record(command.point, ctx)
        await self._rights.demand(ctx, "r", "get", record)
        if command.keys is None:
            await self._demand_to_read(ctx, record)
            state = await self._registry.load_state(record.point)
            return None if state is None else to_body(shown(state))
        if not command.keys:
            self._values.kind(record.kind.base)
            return self._values.readable(record)
        return self._values.named(record, command.keys)

    async def _demand_to_read(self, ctx: Context, record: ParticleRecord) -> None:
        """Requires the rights of a ``Cmd<Read>`` wave, and the privilege that its handler requires, because the state
        is what that handler returns. A policy may distinguish the wave from the command."""
        served = self._served.get(record.kind.base)
        if served is None:
            if ctx.caller.agent != HYPERUSER:
                raise NoDriver(
                    f"no plugin here serves Kind {record.kind.base!r}, so it is unknown who may read its state",
                    hint="install the plugin that provides it, or ask another machine",
                )
            return
        await self._rights.demand(ctx, "r", _READ.text, record)
        privilege = served.of_record(record).handlers.privilege(_READ)
        if privilege:
            caller = ctx.caller
            need = Need("", privilege)
            request = Request(caller.agent, "get", need, record, caller.scope, caller.chain, caller.session)
            await self._gate.check(request, ctx.wave)

    async def _set(self, command: commands.Set[Point], ctx: Context) -> Any:
        target = command.target
        if isinstance(target, Selector):
            found = await self._rights.known(ctx, target, await self._rights.every_match(target, ctx), "w", "set")
        else:
            found = [await self._rights.record(target, ctx)]
        await in_slices(found, lambda part: self._rights.demand(ctx, "w", "set", *part))
        self._values.check_update(found, command.properties)
        changes = list(command.properties)
        keys = {change.key for change in changes}
        # Check first everything that may refuse the change, while nothing has been changed.
        ordered = sorted(found, key=lambda r: not _has_locked(r, keys))
        written = await self._values.written(ordered, changes)

        async def change(part: Sequence[ParticleRecord]) -> None:
            points = [r.point for r in part]
            for bases, what in written:
                await self._registry.set_properties([r.point for r in part if r.kind.base in bases], what)
            await self._homes.check(tuple(points))
            for point in points:
                self._records.drop(point)

        await in_slices(ordered, change, remaining=lambda: ctx.remaining, done="were changed")
        if isinstance(target, Selector):
            return {"changed": await made_in_slices(found, stub)}
        changed = await self._registry.record(target)
        return {"point": target.text, "properties": self._values.readable(changed)}

    # -- access -------------------------------------------------------------------------------------------

    async def _access(self, command: Any, ctx: Context) -> Any:
        return await self.about_access.run(command, ctx.caller, lambda: ctx.remaining)

    # -- waves --------------------------------------------------------------------------------------------

    async def _read(self, command: commands.Read[Point], ctx: Context) -> Pong:
        return await ctx.ping(command.point, _READ)

    async def _write(self, command: commands.Write[Point], ctx: Context) -> Pong:
        return await ctx.ping(command.point, _UPDATE, command.body)

    async def _ping(self, command: commands.PingCommand[Point], ctx: Context) -> Pong:
        return await ctx.ping(command.point, command.method, command.body, path=command.path)

    async def _signal(self, command: commands.SignalCommand[Point], ctx: Context) -> Pong:
        return await ctx.signal(command.point, command.method, command.body, path=command.path)

    async def _ripple(self, command: commands.RippleCommand, ctx: Context) -> Pong:
        # Return the answers that have arrived by now; the client of the command would not receive later ones.
        wait = ctx.remaining * _RIPPLE_SHARE
        echoes = await ctx.ripple(command.selector, command.method, command.body, path=command.path, wait=wait)
        rows = await made_in_slices(echoes, _row)
        failed = any(not 200 <= row["status"] < 300 for row in rows)
        return Pong(207 if failed else 200, rows, outcome=Outcome.OK)


_DO: dict[type, _Do] = {
    commands.Create: Commands._create,
    commands.Publish: Commands._publish,
    commands.Select: Commands._select,
    commands.Delete: Commands._delete,
    commands.Get: Commands._get,
    commands.Set: Commands._set,
    commands.Read: Commands._read,
    commands.Write: Commands._write,
    commands.PingCommand: Commands._ping,
    commands.SignalCommand: Commands._signal,
    commands.RippleCommand: Commands._ripple,
    **dict.fromkeys(AccessCommands.CARRIES_OUT, Commands._access),
}
