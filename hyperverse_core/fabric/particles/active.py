"""A particle that lives in a star of this machine: the last steps of a wave.

:meth:`Active.receive` is the hot path. It checks whether the agent is allowed to do this (a look-up in the policy's
earlier answers) and whether a bind sends the wave elsewhere, finds the handler, waits for the wave's turn, and calls
the handler.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, MutableSequence
from time import perf_counter
from typing import Any

from ...errors import (
    Unavailable,
    error_for_status,
)
from ...protocol.body_weight import WEIGHTLESS, weight_of
from ...scheduling.cancellation import ends_task
from ...scheduling.guarded_log import guarded_log
from ...scheduling.presentable import presentable
from ...universe.waves.own_pong import own_pong
from ...universe.waves.wave import BOUNCE, DEFAULT_HANDLING, Directed, Outcome, Pong, Signal
from ...universe.waves.withheld import withheld
from ..interception.cut_waves import mark_told
from .accepted_signals import begin_signals, handle_beside
from .activation import activate
from .built_in import answer_built_in, no_body, no_handler
from .context import Context
from .conversion import to_body
from .handler_replies import failed, outlived, signed, tell_cut_off
from .handlers import Handler
from .in_order import InOrder
from .own_context import CANCEL_GRACE, OVER, Abandoned, Variables, begin_in_own_context, go_on
from .resident import Resident
from .saving import fingerprint, given_up, spoiled
from .state import State

__all__ = ["Active"]

_log = guarded_log("hyperverse.particle")
_OK = Outcome.OK
_READY = State.READY
_BESIDE = 1024
"""Bytes counted for each Signal of a concurrent particle, in addition to its body, because each runs in its own
task."""
_HEARD = Pong()
"""The result of every Signal whose handler succeeded. Nobody reads it, so all share one."""


class Active(Resident):
    """A particle that lives here and handles waves. Its attributes are those of :class:`Resident`."""

    __slots__ = ()

    def receive(self, wave: Directed) -> Coroutine[Any, Any, Pong]:
        """Handles a Ping, or one copy of a Ripple. Raises HyperverseError if it did not reach a handler.

        It returns one of two coroutines instead of being one: this saves one coroutine on the hot path, and its memory
        for each wave in flight."""
        if (
            self.bind is not None
            or wave.scope is not None
            or wave.method.need not in self.allowed.get(wave.agent.text, "")
        ):
            return self._receive_by_gate(wave)
        return self.core(wave)

    async def _receive_by_gate(self, wave: Directed) -> Pong:
        if wave.scope is not None or wave.method.need not in self.allowed.get(wave.agent.text, ""):
            rest = self.home.gate.begin(self, wave)
            if rest is not None:
                await rest
        return await (self.core(wave) if self.bind is None else self.behind_gate(wave))

    async def behind_gate(self, wave: Directed) -> Pong:
        """Handles a Ping, or one copy of a Ripple, that has passed the gate. Raises HyperverseError."""
        if self.bind is not None:
            reply = await self.home.routing.follow(self, wave)
            if reply is not None:
                return reply
        return await self.core(wave)

    async def core(self, wave: Directed) -> Pong:
        """Handles the wave after the gate and the bind."""
        handlers = self.served.handlers
        found = handlers.certain.get(wave.method.text) or handlers.find(wave)
        if found is None:
            return await answer_built_in(self, wave)
        handler, captures = found
        if handler.privilege:
            await self.home.gate.demand(self, wave, handler.privilege)
        arguments = None
        if type(wave.body) is not handler.arguments.direct or captures:
            arguments = handler.arguments.bind(wave.body, captures)
        box = self.mailbox
        since = 0.0
        if self.concurrent or (box.busy and self.text in wave.chain):
            if self.posted or self.state is not _READY:
                since = perf_counter()
            if self.posted:
                await self.posted.turn(wave.handling.priority)
            await self.check_beside()
            return await self.run_beside(handler, arguments, wave, since)
        if box.busy:
            since = perf_counter()
            await box.turn(wave.handling.priority)
        else:
            box.busy = True
        try:
            if self.state is not _READY:
                since = since or perf_counter()
                await activate(self)
            # Inlines `run` and `begin_in_own_context`.
            replies: list[Pong] = []
            variables, steps = Variables(), self.handle(handler, arguments, wave, replies, None, since).__await__()
            awaited = variables.run(next, steps, OVER)
            if awaited is not OVER:
                await go_on(variables, steps, awaited)
            return replies[0]
        except Abandoned:
            raise self.abandoned(handler, wave) from None
        finally:
            box.leave()

    def accept(self, wave: Directed) -> Coroutine[Any, Any, None] | None:
        """Accepts a Signal: authorises it, finds its handler and queues it. Returns None if it is accepted, or else the
        rest to be awaited. Both may raise HyperverseError."""
        if self.accepts(wave):
            return None
        star = self.star
        if star.now() >= star.serve_until:
            self.check_lease()
        if (
            self.bind is not None
            or wave.scope is not None
            or wave.method.need not in self.allowed.get(wave.agent.text, "")
        ):
            return self._accept_by_gate(wave)
        return self.accept_core(wave)

    def accepts(self, wave: Directed) -> bool:
        """Accepts a Signal if that needs no wait. Otherwise returns False, and the caller uses :meth:`accept`. Raises
        HyperverseError."""
        star = self.star
        if (
            star.now() >= star.serve_until
            or self.bind is not None
            or wave.scope is not None
            or wave.method.need not in self.allowed.get(wave.agent.text, "")
        ):
            return False
        found = self.served.handlers.certain.get(wave.method.text)
        if found is None or found[0].privilege:
            return False
        box = self.mailbox
        queue = box.waiting
        if (
            queue is None
            or self.concurrent
            or type(wave.body) is not found[0].arguments.direct
            or type(wave.body) not in WEIGHTLESS
            or wave.handling is not DEFAULT_HANDLING
            or queue.ranks is not None
            or len(queue) >= box.limit
        ):
            self._queue(found, wave)
        else:
            # Inlines `_queue` and `post`, and needs no dict for each waiting Signal: the body is the only argument.
            # Measured: 0.4 us and 160 bytes less for each Signal behind another.
            since = 0.0 if self.home.interceptors.handlers is None else perf_counter()
            queue.append((begin_signals, self, found[0], None, wave, 0, since))
        return True

    async def _accept_by_gate(self, wave: Directed) -> None:
        if wave.scope is not None or wave.method.need not in self.allowed.get(wave.agent.text, ""):
            rest = self.home.gate.begin(self, wave)
            if rest is not None:
                await rest
        if self.bind is not None:
            reply = await self.home.routing.follow(self, wave)
            if reply is not None:
                if not reply.ok:
                    raise error_for_status(reply.status, reply.error)
                return
        await self.accept_core(wave)

    async def accept_core(self, wave: Directed) -> None:
        """Puts a Signal that has passed the gate into the queue of the handlers. Raises HyperverseError."""
        found = self.served.handlers.find(wave)
        if found is None:
            if wave.method is not BOUNCE:
                raise no_handler(self, wave)
            if wave.body is not None:
                raise no_body(wave)
            return
        if found[0].privilege:
            await self.home.gate.demand(self, wave, found[0].privilege)
        self._queue(found, wave)

    def _queue(self, found: tuple[Handler, Mapping[str, str]], wave: Directed) -> None:
        handler, captures = found
        arguments = handler.arguments.bind(wave.body, captures)
        pool, box = self.home.pool, self.mailbox
        since = 0.0 if self.home.interceptors.handlers is None else perf_counter()
        weight = _BESIDE if self.concurrent else 0
        if (self.concurrent or box.busy) and type(wave.body) not in WEIGHTLESS:
            weight += weight_of(wave.body)
        if weight:
            self.home.held.take_for(self, weight, repr(self.text))
        try:
            if self.concurrent:
                if self.posted is None:
                    self.posted = InOrder(pool)
                self.posted.put(
                    handle_beside, self, handler, arguments, wave, weight, since, priority=wave.handling.priority
                )
            else:
                if not box.busy:
                    pool.check_room()
                box.post((begin_signals, self, handler, arguments, wave, weight, since), wave.handling.priority)
        except Unavailable:
            if weight:
                self.home.held.give_for(self, weight)
            raise

    async def check_beside(self) -> None:
        """Returns once a handler may run concurrently with others: in a concurrent particle, or within a call chain."""
        if self.state is _READY and not (self.concurrent and self.mailbox.busy):
            return
        if self.concurrent:  # after waves that wait for its start, or for a read of its state
            await self.start_in_turn()
        elif self.state is State.GONE:
            raise self.has_left()
        elif self.state.spoiled:
            raise given_up(self)

    async def run_beside(
        self, handler: Handler, arguments: dict[str, Any] | None, wave: Directed, since: float = 0.0
    ) -> Pong:
        """Calls a handler concurrently with others; for ``since`` see :meth:`handle`."""
        self.running += 1
        try:
            if self.concurrent or self.assignment is None:
                return await self.run(handler, arguments, wave, since=since)
            assert self.particle is not None, "an outer handler of the chain runs in it"
            # The outer handler is responsible for its changes so far; only a change of the inner handler counts against
            # the inner one.
            return await self.run(handler, arguments, wave, fingerprint(self.particle), since)
        finally:
            self.running -= 1

    async def run(
        self,
        handler: Handler,
        arguments: dict[str, Any] | None,
        wave: Directed,
        before: int | None = None,
        since: float = 0.0,
    ) -> Pong:
        """Calls a handler in its own context. Returns the reply that :meth:`handle` appends to ``replies``."""
        replies: list[Pong] = []
        rest = begin_in_own_context(self.handle(handler, arguments, wave, replies, before, since))
        if rest is not None:
            try:
                await rest
            except Abandoned:
                raise self.abandoned(handler, wave) from None
        return replies[0]

    def abandoned(self, handler: Handler, wave: Directed) -> asyncio.CancelledError:
        """Discards the object of a cancelled handler that does not end. Returns the error for its caller."""
        self.cut_off(self.particle)
        what = f"{handler.name} of {self.text} (plugin {self.served.plugin or 'none'})"
        cause = f"it was cancelled and did not end within {CANCEL_GRACE:g} s, so it is abandoned"
        _log.error("%s: %s", what, cause, extra={"wave": wave.id, "point": self.text})
        self.home.troubles.happened(what, cause)
        cut = asyncio.CancelledError()
        mark_told(cut)  # it has reached a handler
        return cut

    async def handle(
        self,
        handler: Handler,
        arguments: dict[str, Any] | None,
        wave: Directed,
        replies: MutableSequence[Pong],
        before: int | None = None,
        since: float = 0.0,
    ) -> None:
        """Calls a handler. The caller must have the turn, the particle must be ready, and the call must begin in its
        own context.

        Args:
            arguments: the handler's arguments by name; None if the body is its only argument, see :class:`Arguments`.
            replies: the reply is appended here, because a coroutine that returns nothing is cheaper to start. An error
                of the handler is in the reply.
            before: fingerprint of the state with which it begins; None for that of the saved state.
            since: when the wave began to wait for its turn, by ``perf_counter``; 0.0 if it did not wait.
        """
        star = self.star
        if star.now() >= star.serve_until:  # checked here because the wave may have waited long
            self.check_lease()
        self.touched = True
        handlers = self.home.interceptors.handlers
        watched = None if handlers is None else handlers.begin(wave, since)
        particle = self.particle
        ctx = Context(self, wave)
        try:
            if arguments is None:
                result = await handler.call(particle, ctx, wave.body)
            else:
                result = await handler.call(particle, ctx, **arguments)
            if type(wave) is Signal:  # nobody gets the reply, so it need not be checked
                reply = _HEARD
            elif star.now() >= star.serve_until and self.assignment is not None:
                reply = outlived(self, wave)
                self.home.interceptors.fail(wave, reply)
            elif type(result) is not Pong:
                body = result if result is None or type(result) is int else to_body(result)
                reply = Pong(200, body, self.point, _OK, wave.id, star.text, wave.hops)
            else:
                if self.assignment is not None:  # the platform's own particles need none of this
                    result = own_pong(result)
                    if result.status >= 400:
                        withheld(result, wave.agent).outcome = Outcome.FAILED  # the handler has run
                reply = signed(self, result, wave)
                if reply.status >= 400:
                    self.home.interceptors.fail(wave, reply)
        except BaseException as exc:
            if ends_task(exc):
                self.cut_off(particle)
                mark_told(exc)
                tell_cut_off(self, wave, handlers, watched)
                raise
            spoiled(self, particle, before)
            reply = failed(self, handler, wave, presentable(exc))
            self.home.interceptors.fail(wave, reply)
        finally:
            if ctx.__class__ is not Context:  # it acted on behalf of the caller, which ends here
                ctx.end_on_behalf()
        if watched is not None and handlers is not None:
            handlers.end(wave, None if reply is _HEARD else reply, watched)
        replies.append(reply)

    async def start_in_turn(self) -> None:
        """Waits for the turn and makes the particle ready."""
        if self.mailbox.busy:
            await self.mailbox.turn()
        else:
            self.mailbox.busy = True
        try:
            if self.state is not _READY:
                await activate(self)
        finally:
            self.mailbox.leave()
