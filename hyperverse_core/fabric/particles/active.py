"""A particle that lives in a star of this machine: the last steps of a wave's way.

:meth:`Active.receive` is the hot path. Its steps: may the agent do this (a look-up in what was asked before), does a
bind send the wave elsewhere, which handler takes it, is it the wave's turn, call it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from ...contracts.driver import Particle
from ...contracts.registry import Assignment, ParticleRecord
from ...errors import (
    BadRequest,
    Conflict,
    HyperverseError,
    LoopDetected,
    NotFound,
    NotHostedHere,
    Unavailable,
    error_for_status,
)
from ...scheduling.cancellation import is_cancelled
from ...universe.routing.bind import BindConfig
from ...universe.waves.wave import BOUNCE, Directed, Outcome, Pong, Signal
from ..delivery.binds import UnreadBind
from .accepted_signals import begin_notices, notice
from .activation import wake
from .background import Work
from .context import Context
from .conversion import encode_state, state_of, to_body
from .handlers import Handler
from .mailbox import Mailbox

if TYPE_CHECKING:
    from ..delivery.outbound import Star
    from .hosting import Served

__all__ = ["Active"]

_log = logging.getLogger("hyperverse.particle")
_OK = Outcome.OK
_HEARD = Pong()
"""What becomes of a Signal that was handled; nobody reads it."""


class Active:
    """A particle at home here.

    Attributes:
        record: as the registry had it when the particle came to life, kept up by the change feed.
        hosted: the driver that serves it.
        assignment: proof that it lives here; None for a particle that the registry does not place.
        particle: the object; None until the first wave that needs it.
        allowed: permission letters that the policy has granted, for each agent that has asked.
        bind: the routes that its waves take; None sends all to the handlers.
        touched: whether a wave has come since the last look for idle ones.
        saved: the state to wake up with; None when the registry has to be asked for it.
        work: what it does on its own account; None when it never did anything.
        cut: whether a handler was ended in the middle, so that the next turn begins with the saved state.
    """

    __slots__ = (
        "allowed",
        "assignment",
        "bind",
        "concurrent",
        "cut",
        "gone",
        "hosted",
        "mailbox",
        "panicked",
        "particle",
        "pinned",
        "point",
        "quiet_since",
        "ready",
        "record",
        "running",
        "saved",
        "star",
        "text",
        "touched",
        "watched_until",
        "work",
    )

    remote = False

    def __init__(
        self,
        record: ParticleRecord,
        hosted: Served,
        star: Star,
        *,
        assignment: Assignment | None = None,
        state: bytes | None = None,
        bind: BindConfig | UnreadBind | None = None,
        particle: Particle | None = None,
    ) -> None:
        self.point = record.point
        self.text = record.point.text
        self.record = record
        self.hosted = hosted
        self.star = star
        self.assignment = assignment
        self.bind = bind
        self.particle = particle
        self.concurrent = hosted.concurrent
        self.allowed: dict[str, str] = {}
        self.mailbox = Mailbox(hosted.waves_limit)
        self.ready = False
        self.gone = False
        self.panicked = False
        self.cut = False
        self.running = 0
        self.pinned = assignment is None
        self.touched = True
        self.quiet_since = 0.0
        self.watched_until = 0.0
        # empty: known to have none, so that nobody has to ask the registry
        self.saved = b"" if state is None and assignment is not None else state
        self.work: Work | None = None

    # -- in -----------------------------------------------------------------------------------------------

    async def receive(self, wave: Directed) -> Pong:
        """Handles a Ping, or one copy of a Ripple. Raises HyperverseError when it did not get as far as a handler."""
        if wave.scope is not None or wave.method.need not in self.allowed.get(wave.agent.text, ""):
            await self.star.field.authorise(self, wave)
        if self.bind is not None:
            reply = await self.star.field.follow(self, wave)
            if reply is not None:
                return reply
        return await self.core(wave)

    async def core(self, wave: Directed) -> Pong:
        """From behind the field to the handler and back."""
        found = self.hosted.handlers.find(wave)
        if found is None:
            return await self._built_in(wave)
        handler, captures = found
        if handler.privilege:
            await self.star.field.demand(self, wave, handler.privilege)
        arguments = handler.arguments.bind(wave.body, captures)
        box = self.mailbox
        if self.concurrent or (box.busy and self.text in wave.chain):
            await self.check_beside()
            return await self.run_beside(handler, arguments, wave)
        if box.busy:
            await box.turn(wave.handling.priority)
        else:
            box.busy = True
        try:
            if not self.ready:
                await wake(self)
            return await self.run(handler, arguments, wave)
        finally:
            box.leave()

    def accept(self, wave: Directed) -> Coroutine[Any, Any, None] | None:
        """Takes a Signal: it is authorised, fits a handler, and has its place in the queue. Returns None when it is
        taken, or what is left to be awaited. This and that raise HyperverseError."""
        star = self.star
        if star.loop.time() >= star.serve_until:
            star.check_lease(self)
        if (
            self.bind is not None
            or wave.scope is not None
            or wave.method.need not in self.allowed.get(wave.agent.text, "")
        ):
            return self._accept_by_field(wave)
        found = self.hosted.handlers.find(wave)
        if found is None or found[0].privilege:
            return self.accept_core(wave)
        self._queue(found, wave)
        return None

    async def _accept_by_field(self, wave: Directed) -> None:
        if wave.scope is not None or wave.method.need not in self.allowed.get(wave.agent.text, ""):
            await self.star.field.authorise(self, wave)
        if self.bind is not None:
            reply = await self.star.field.follow(self, wave)
            if reply is not None:
                if not reply.ok:
                    raise error_for_status(reply.status, reply.error)
                return
        await self.accept_core(wave)

    async def accept_core(self, wave: Directed) -> None:
        """From behind the field into the queue of the handlers. Raises HyperverseError."""
        found = self.hosted.handlers.find(wave)
        if found is None:
            if wave.method is not BOUNCE:
                raise self._no_handler(wave)
            return
        if found[0].privilege:
            await self.star.field.demand(self, wave, found[0].privilege)
        self._queue(found, wave)

    def _queue(self, found: tuple[Handler, Mapping[str, str]], wave: Directed) -> None:
        handler, captures = found
        arguments = handler.arguments.bind(wave.body, captures)
        crew, box = self.star.machine.crew, self.mailbox
        if self.concurrent:
            crew.put(notice, self, handler, arguments, wave, priority=wave.handling.priority)
        else:
            if not box.busy:
                crew.check_room()
            box.post((begin_notices, self, handler, arguments, wave), wave.handling.priority)

    async def check_beside(self) -> None:
        """Returns when a handler may begin beside those that run: of a concurrent particle, or in a call chain."""
        if self.ready:
            return
        if self.concurrent:
            await self._start_in_turn()
        elif self.gone:
            raise NotHostedHere(f"{self.text!r} has left {self.star.text}")
        elif self.cut:
            raise self._was_cut()

    async def run_beside(self, handler: Handler, arguments: dict[str, Any], wave: Directed) -> Pong:
        """Calls a handler beside those that run."""
        self.running += 1
        try:
            return await self.run(handler, arguments, wave)
        finally:
            self.running -= 1

    async def run(self, handler: Handler, arguments: dict[str, Any], wave: Directed) -> Pong:
        """Calls a handler; the turn must be ours, and the particle ready. What it raises is in the reply."""
        star = self.star
        begun = star.loop.time()
        if begun >= star.serve_until:  # here, because it may have waited long for its turn
            star.check_lease(self)
        self.touched = True
        try:
            result = await handler.call(self.particle, Context(self, wave), **arguments)
            if type(wave) is Signal:
                reply = _HEARD
            elif type(result) is not Pong:
                body = result if result is None or type(result) is int else to_body(result)
                reply = Pong(200, body, self.point, _OK, wave.id, star.text, wave.hops)
            else:
                reply = self._signed(result, wave)
                if reply.status >= 400 and self.assignment is not None:
                    # this handler has run; the platform's own particles know better what has become of the wave
                    reply.outcome = Outcome.FAILED
            if star.loop.time() >= star.serve_until and self.assignment is not None:
                reply = self._outlived(wave)
        except asyncio.CancelledError as exc:
            if is_cancelled():
                self.cut_off()
                raise
            reply = self._failed(handler, wave, exc)
        except Exception as exc:
            reply = self._failed(handler, wave, exc)
        if star.machine.observers:
            answer = None if isinstance(wave, Signal) else reply
            star.machine.observed("wave_delivered", wave, answer, star.loop.time() - begun)
        return reply

    def _outlived(self, wave: Directed) -> Pong:
        """The reply of a handler that has run longer than its star may serve: the particle may live elsewhere by now,
        and what is not saved is not there."""
        error = f"{self.star.text} has lost its lease while {self.text!r} handled this"
        return self._signed(Pong(503, {"error": error}, outcome=Outcome.UNKNOWN), wave)

    def _failed(self, handler: Handler, wave: Directed, error: BaseException) -> Pong:
        """The reply of a handler that has raised."""
        if isinstance(error, RecursionError):
            error = LoopDetected(f"too many waves within one another, the last to {self.text!r}")
            reply = Pong.failure(error)
        elif isinstance(error, HyperverseError):
            reply = Pong.failure(error, Outcome.FAILED)
            if reply.status == NotHostedHere.status:  # from its save; no sign that the wave may be handled elsewhere
                reply.status = Unavailable.status
        else:
            _log.error("%s failed", handler.name, exc_info=error, extra={"wave": wave.id, "point": self.text})
            return self._signed(Pong(500, {"error": f"{type(error).__name__}: {error}"}, outcome=Outcome.FAILED), wave)
        if isinstance(wave, Signal):  # nobody is told
            _log.warning("signal %s to %s: %s", wave.method, self.text, error, extra={"wave": wave.id})
        return self._signed(reply, wave)

    def _signed(self, reply: Pong, wave: Directed) -> Pong:
        reply.sender = self.point
        reply.id = wave.id
        reply.star = self.star.text
        reply.hops = wave.hops
        return reply

    async def _built_in(self, wave: Directed) -> Pong:
        """What every particle answers without a handler of its own (universe 4.9)."""
        if self.gone:
            raise NotHostedHere(f"{self.text!r} has left {self.star.text}")
        self.star.check_lease(self)
        body = None
        if wave.method.text == "Cmd<Read>":
            body = await self._read_state(wave)
        elif wave.method is not BOUNCE:
            raise self._no_handler(wave)
        self.touched = True
        return Pong(200, body, self.point, Outcome.OK, wave.id, self.star.text, wave.hops)

    def _no_handler(self, wave: Directed) -> NotFound:
        known = self.hosted.handlers.methods()
        return NotFound(
            f"{self.text!r} has no handler for {wave.method} {wave.path}",
            hint=f"a {self.record.kind} takes {', '.join(known)}" if known else f"a {self.record.kind} takes none",
        )

    # -- life ---------------------------------------------------------------------------------------------

    async def _read_state(self, wave: Directed) -> dict[str, Any]:
        """The state between two handlers, never what one of them has half done, but for its own call chain."""
        if self.concurrent or (self.mailbox.busy and self.text in wave.chain):
            await self.check_beside()
        else:
            await self._start_in_turn()
        return state_of(self.particle)

    async def _start_in_turn(self) -> None:
        if self.mailbox.busy:
            await self.mailbox.turn()
        else:
            self.mailbox.busy = True
        try:
            if not self.ready:
                await wake(self)
        finally:
            self.mailbox.leave()

    def cut_off(self) -> None:
        """A handler was ended in the middle: what it left behind must not be seen. The next wave gets the particle
        from its last saved state; one that handles waves concurrently, or that the registry does not place, goes on."""
        if self.concurrent or self.assignment is None:
            return
        self.cut = True
        self.ready = False

    def _was_cut(self) -> Conflict:
        return Conflict(f"a handler of {self.text!r} was cut off, and what is not saved is given up")

    async def save(self) -> None:
        """Commits the durable state."""
        if self.assignment is None:
            raise BadRequest(f"{self.text!r} has no durable state: the registry does not place it")
        if self.cut:  # an outer handler of the chain that was cut: its object has what the inner one left behind
            raise self._was_cut()
        if self.gone:
            raise NotHostedHere(f"{self.text!r} has left {self.star.text}")
        try:
            state, watched = encode_state(self.particle), self.star.loop.time() < self.watched_until
            await self.star.machine.registry.save_state(self.point, self.assignment, state, announce=watched)
        except NotHostedHere:
            self.star.hosting.taken(self)
            raise

    def spawn(self, work: Coroutine[Any, Any, None], name: str, wave: Directed) -> None:
        """Runs a piece of the particle's own work until it ends or the particle leaves. Raises TooMany, and
        NotHostedHere when it has left."""
        if self.gone:
            work.close()
            raise NotHostedHere(f"{self.text!r} has left {self.star.text}")
        if self.work is None:
            self.work = Work(self.text)
        self.work.begin(work, name, wave)

    @property
    def quiet(self) -> bool:
        """Whether no wave is under way in it."""
        return not self.mailbox.busy and not self.running

    @property
    def idle(self) -> bool:
        """Whether nothing is under way in it."""
        return self.quiet and not self.work
