"""Commands at work: each is carried out in the name of an agent, and asks the policy for what it needs."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import msgspec

from ...contracts.driver import Ctx
from ...contracts.policy import Need, Request
from ...contracts.registry import ParticleRecord, Registry, Status
from ...errors import (
    BadRequest,
    Forbidden,
    HyperverseError,
    InternalError,
    NoDriver,
    NotFound,
    ParseError,
    TooLarge,
    described,
)
from ...protocol.client_budget import LONGEST_TEXT
from ...protocol.states.fields import shown
from ...scheduling.cancellation import ends_task
from ...universe.address.env import Env
from ...universe.address.point import ROOT, Point
from ...universe.commands import command as commands
from ...universe.commands.command import Command, CommandTemplate, Into
from ...universe.commands.script import parse_command
from ...universe.kind_defs.kind_def import KindDef
from ...universe.kind_defs.properties import PropertyChange, PropertySource
from ...universe.selectors.selector import Selector
from ...universe.waves.wave import Method, Outcome, Pong
from ..caches.records import Records
from ..delivery.gate import Gate
from ..particles.context import Context
from ..particles.conversion import to_body
from ..particles.homes import Homes
from ..particles.served import ServedKinds
from ..placement.provisioner import Provisioner
from .access_commands import AccessCommands
from .descriptions import Descriptions
from .scripts import run_script
from .slices import in_slices

__all__ = ["Commands"]

_log = logging.getLogger("hyperverse.command")
_PAGE = 1000
_SHOWN_AS = {"unreachable": Status.UNKNOWN, "stuck": Status.PANIC}
"""Lives of which the record of a particle knows nothing."""
_READ = Method.parse("Cmd<Read>")
_UPDATE = Method.parse("Cmd<Update>")
_Do = Callable[["Commands", Any, Context], Awaitable[Any]]


_RIPPLE_SHARE = 0.85
"""Part of the time of a command in which a Ripple gathers answers; the rest is for telling them."""


def check_text(text: str) -> None:
    """Raises TooLarge when a command or a script is so long that parsing it would keep all others waiting."""
    if len(text) > LONGEST_TEXT:
        raise TooLarge(
            f"the text has {len(text)} characters, and {LONGEST_TEXT} are allowed",
            hint="send the commands one by one; name a file for a long value or body: ^[ file ]",
        )


def stub(record: ParticleRecord) -> dict[str, Any]:
    """Point, Kind and status of a particle, as plain values."""
    return {"point": record.point.text, "kind": str(record.kind), "status": str(record.status)}


def _is_secret(kind: KindDef, key: str) -> bool:
    declared = kind.properties.get(key)
    return declared is not None and declared.source is PropertySource.CORE_SECRET


def _has_locked(record: ParticleRecord, keys: set[str]) -> bool:
    return any(key in keys and value.locked for key, value in record.properties.items())


class Commands:
    """Carries out commands on one machine."""

    def __init__(
        self,
        *,
        registry: Registry,
        records: Records,
        gate: Gate,
        provisioner: Provisioner,
        served: ServedKinds,
        homes: Homes,
        descriptions: Descriptions,
    ) -> None:
        self._registry = registry
        self._records = records
        self._gate = gate
        self._provisioner = provisioner
        self._served = served
        self._homes = homes
        self._descriptions = descriptions
        self.about_access = AccessCommands(registry, records, gate, provisioner, served, homes)

    async def run(self, command: Command | CommandTemplate | str, ctx: Context, env: Env | None = None) -> Pong:
        """Carries out one command as the agent of ``ctx``; every failure is a reply with its status."""
        try:
            if isinstance(command, str) and len(command) > LONGEST_TEXT:
                check_text(command)
            parsed = parse_command(command) if isinstance(command, str) else command
            resolved = parsed.resolve(env or Env(working=ctx.point))  # type: ignore[misc]  # all have it
            do = _DO.get(type(resolved))
            if do is None:
                word = type(resolved).__name__.lower()
                raise NoDriver(f"the command {word!r} is not carried out by this version", hint="it only parses yet")
            answer = await do(self, resolved, ctx)
        except HyperverseError as exc:
            return self.refused(exc)
        except BaseException as exc:
            if ends_task(exc):
                raise
            _log.exception("a command failed: %s; please report it", command)
            return self.refused(InternalError(f"the command failed: {described(exc)}", hint="please report it"))
        return answer if isinstance(answer, Pong) else Pong(200, answer)

    async def run_select(self, command: commands.Select, ctx: Context, after: Point) -> Pong:
        """The next page of a select."""
        try:
            return Pong(200, await self._select(command, ctx, after))
        except HyperverseError as exc:
            return self.refused(exc)

    @staticmethod
    def refused(error: HyperverseError) -> Pong:
        """The reply to a command that was not carried out; it says where a text went wrong, also one inside it."""
        reply = Pong.failure(error)
        if isinstance(error, ParseError):
            place = {"line": error.line, "column": error.column, "expected": list(error.expected)}
            reply.body |= {**place, "caret": error.caret()}
        elif isinstance(error.__cause__, ParseError):
            reply.body["caret"] = error.__cause__.caret()
        return reply

    async def run_script(
        self, text: str, ctx: Ctx, *, keep_going: bool, working: str, files: dict[str, bytes], after: str
    ) -> list[dict[str, Any]]:
        """Carries out a script, command by command, and stops at the first failure unless ``keep_going``.

        Returns:
            one map for each command that was begun: ``command``, ``line``, ``column``, ``status``, ``outcome``,
            ``body``, ``receipt``.
        """
        if len(text) > LONGEST_TEXT:
            check_text(text)
        env = Env(working=Point.parse(working) if working else ROOT, files=files)
        return await run_script(self, text, cast(Context, ctx), env, keep_going=keep_going, after=after)

    # -- rights -------------------------------------------------------------------------------------------

    async def _demand(self, ctx: Context, letter: str, action: str, *targets: ParticleRecord) -> None:
        """Returns when the agent of ``ctx`` has the permission on all of ``targets``. Raises Forbidden."""
        await self._gate.check_all([self._request(ctx, letter, action, target) for target in targets])

    @staticmethod
    def _request(ctx: Context, letter: str, action: str, target: ParticleRecord) -> Request:
        caller = ctx.caller
        return Request(caller.agent, action, Need(letter), target, caller.scope, caller.chain, caller.session)

    async def _above(self, records: Sequence[ParticleRecord]) -> dict[Point, ParticleRecord]:
        """The records of the parents; a root stands for its own."""
        points = tuple({r.point.parent or r.point for r in records})
        return dict(await self._records.get(points))

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

    async def _select(self, command: commands.Select, ctx: Context, after: Point | None = None) -> Any:
        page = await self._registry.select(command.selector, after=after, limit=_PAGE)
        requests = [self._request(ctx, "s", "select", r) for r in (await self._above(page.records)).values()]
        decisions = await self._gate.decide_many(requests)
        allowed = {r.record.point for r, d in zip(requests, decisions, strict=True) if d.allowed}
        seen = [r for r in page.records if (r.point.parent or r.point) in allowed]
        if page.records and not seen and page.after is None and after is None:
            raise self._nothing_seen(command.selector, requests[0])
        items = [r.point.text for r in seen] if command.into is Into.POINTS else [self._seen(r) for r in seen]
        return {"items": items, "after": page.after.text if page.after else None}

    def _nothing_seen(self, selector: Selector, request: Request) -> HyperverseError:
        """The refusal of a select that may show nothing of what it matches; it is logged and told."""
        error = Forbidden(
            f"{request.agent} may not select what {str(selector)!r} matches",
            hint="it takes the permission s on their parents",
        )
        return self._gate.refused(request, error)

    def _seen(self, record: ParticleRecord) -> dict[str, Any]:
        """A particle as it looks from here: nobody knows the status of one whose star cannot be reached, and one that
        no star can host is out of service."""
        found, life = stub(record), self._descriptions.life(record)
        if life in _SHOWN_AS:
            found["status"] = str(_SHOWN_AS[life])
        return found

    async def _all_of(self, selector: Selector) -> list[ParticleRecord]:
        """Every particle that matches. Raises NotFound when none does."""
        found: list[ParticleRecord] = []
        after = None
        while True:
            page = await self._registry.select(selector, after=after, limit=_PAGE)
            found += page.records
            after = page.after
            if after is None:
                break
        if not found:
            raise NotFound(f"nothing matches {str(selector)!r}")
        return found

    async def _with_all_below(self, found: Sequence[ParticleRecord]) -> list[ParticleRecord]:
        """These particles and everything below them, each once, ordered by point."""
        every: dict[str, ParticleRecord] = {}
        for record in sorted(found, key=lambda one: len(one.point.segments)):
            if record.point.text in every:
                continue
            every[record.point.text] = record
            with contextlib.suppress(NotFound):
                below = await self._all_of(Selector.parse("**" if record.point.is_root else f"{record.point}:**"))
                every |= {one.point.text: one for one in below}
        return [every[text] for text in sorted(every)]

    async def _delete(self, command: commands.Delete, ctx: Context) -> Any:
        found = await self._all_of(command.selector)
        await self._demand(ctx, "d", "delete", *(await self._above(found)).values())
        if command.dry_run:
            return {"would_delete": [stub(r) for r in await self._with_all_below(found)]}
        deleted = await self._provisioner.delete([r.point for r in found])
        return {"deleted": [stub(r) for r in deleted]}

    async def _get(self, command: commands.Get[Point], ctx: Context) -> Any:
        record = await self._record(command.point)
        await self._demand(ctx, "r", "get", record)
        if command.keys is None:
            state = await self._registry.load_state(record.point)
            return None if state is None else to_body(shown(state))
        kind = self._served.known.get(record.kind.base)
        if not command.keys:
            return self._readable(record)
        if kind is not None:
            kind.properties.check_read(command.keys)
        return {k: record.properties[k].value if k in record.properties else None for k in command.keys}

    async def _set(self, command: commands.Set[Point], ctx: Context) -> Any:
        target = command.target
        found = await self._all_of(target) if isinstance(target, Selector) else [await self._record(target)]
        await in_slices(found, lambda part: self._demand(ctx, "w", "set", *part))
        self._check_update(found, command.properties)
        changes = list(command.properties)
        keys = {change.key for change in changes}
        # Those first that may refuse the change: then nothing is changed yet.
        points = [r.point for r in sorted(found, key=lambda r: not _has_locked(r, keys))]

        async def change(part: Sequence[Point]) -> None:
            await self._registry.set_properties(part, changes)
            await self._homes.check(tuple(part))
            for point in part:
                self._records.drop(point)

        await in_slices(points, change, remaining=lambda: ctx.remaining, done="were changed")
        if isinstance(target, Selector):
            return {"changed": [stub(r) for r in found]}
        changed = await self._registry.record(target)
        return {"point": target.text, "properties": self._readable(changed)}

    def _check_update(self, records: Sequence[ParticleRecord], changes: Sequence[PropertyChange]) -> None:
        """Whether the Kinds of ``records`` take ``changes``; raises BadRequest that names the first that does not."""
        bases = {r.kind.base: r for r in reversed(records)}
        for base, first in bases.items():
            kind = self._served.known.get(base)
            if kind is None:
                continue
            try:
                kind.properties.check_update(changes)
            except BadRequest as exc:
                said = f"{first.point.text!r}, a {base}: {exc.message}" if len(records) > 1 else exc.message
                raise BadRequest(said, hint=exc.hint) from exc.__cause__

    def _readable(self, record: ParticleRecord) -> dict[str, str]:
        """The properties of a particle but its secrets."""
        kind = self._served.known.get(record.kind.base)
        return {k: v.value for k, v in record.properties.items() if kind is None or not _is_secret(kind, k)}

    async def _record(self, point: Point) -> ParticleRecord:
        found = (await self._registry.records((point,))).get(point)
        if found is None:
            raise NotFound(f"no particle {point.text!r}", hint=await self._provisioner.nearest(point))
        return found

    # -- access -------------------------------------------------------------------------------------------

    async def _access(self, command: Any, ctx: Context) -> Any:
        return await self.about_access.run(command, ctx.caller)

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
        # What has come by then is told; whoever waits for the command would not hear of it later.
        wait = ctx.remaining * _RIPPLE_SHARE
        echoes = await ctx.ripple(command.selector, command.method, command.body, path=command.path, wait=wait)
        rows = [{"point": e.sender.text, "status": e.status, "outcome": str(e.outcome), "body": e.body} for e in echoes]
        failed = any(not e.ok for e in echoes)
        return Pong(207 if failed else 200, rows, outcome=Outcome.OK)


_DO: dict[type, _Do] = {
    commands.Create: Commands._create,
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
