"""The copies of one Ripple for particles of this machine, and for recipients whose place is unknown.

The worker pool handles them, each in the task of a free worker. One worker goes from recipient to recipient as long as
no handler waits; when a handler waits, the next worker continues with the others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import perf_counter
from typing import Any, TypeAlias

from msgspec.structs import replace

from ...errors import HyperverseError, Unavailable
from ...scheduling.cancellation import ends_task
from ...universe.address.point import Point
from ...universe.waves.own_copy import IMMUTABLE, own_copy
from ...universe.waves.wave import Echo, Pong, Ripple
from ..interception.cut_waves import is_told
from ..particles.active import Active
from ..particles.handlers import Handler
from ..particles.own_context import HERE, OVER, Abandoned, go_on
from ..particles.places import Place
from ..particles.served import Served
from ..particles.state import State
from .carriers import PLACED_AT_ONCE, Carriers
from .collected import Collected

__all__ = ["CopiesHere"]

_IN_A_ROW = 128
_ASKED_AT_ONCE = 128
"""Number of recipients about which the policy is asked at once. Without a limit, a Ripple to many new recipients would
hold the event loop until all answers are there."""
_CUT_AT_ONCE = 500
_TURN = 0.01
"""Seconds that a Ripple, and the handlers that are cancelled at its end, may take in one turn of the event loop."""
_READY = State.READY
_Alike: TypeAlias = "tuple[Handler | None, dict[str, Any] | None]"


class CopiesHere:
    """Makes the recipients of one Ripple handle their copies.

    Args:
        out: delivers the copies.
        collected: gets the echoes.
        remote: sends the Ripple to recipients that turn out to live on another machine.

    Attributes:
        waiting: recipients to be handled; add to it before :meth:`begin`.
    """

    def __init__(
        self, out: Carriers, collected: Collected, remote: Callable[[list[Point], Place], Awaitable[None]]
    ) -> None:
        self.waiting: deque[Point] = deque()
        self._out = out
        self._collected = collected
        self._remote = remote
        self._wave = collected.wave
        before = self._wave.hops
        self._hops = {text: before + lanes for text, lanes in collected.star.distances.whole().items()}
        self._tasks: set[asyncio.Task[None]] = set()
        self._alike: dict[Served, _Alike] = {}
        self._unplaced: deque[Point] = deque()
        self._finding = 0
        self._unasked: deque[Point] = deque()
        self._asking = 0
        self._turn_ends = 0.0
        self._pauses = False

    def begin(self, put: Callable[..., None]) -> None:
        """Gives the first work to ``put``, which raises Unavailable if there is too much of it."""
        put(self._next_ones, priority=self._wave.handling.priority)

    def stop(self) -> None:
        """Cancels handlers that have not finished, because nobody waits for the echoes any more."""
        self._cut_some()
        for waiting in (self.waiting, self._unplaced, self._unasked):
            while waiting:
                self._collected.unreached(waiting.popleft())

    def _cut_some(self) -> None:
        """Cancels handlers in slices, so that other tasks get the loop while a hundred thousand end."""
        for _ in range(min(len(self._tasks), _CUT_AT_ONCE)):
            self._tasks.pop().cancel()
        if self._tasks:
            self._collected.star.loop.call_soon(self._cut_some)

    # -- in a worker --------------------------------------------------------------------------------------

    def _next_worker(self) -> None:
        self._out.pool.put_accepted(self._next_ones, priority=self._wave.handling.priority)

    async def _next_ones(self) -> None:
        """Handles one recipient after another in the task of a worker, as long as no handler waits."""
        if self._collected.over or not self.waiting:
            return
        if perf_counter() > self._turn_ends:
            self._pause()
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._next_worker()
        try:
            await self._some_in_a_row()
        except asyncio.CancelledError:
            if self._collected.over and task.uncancel() == 0:
                return  # the Ripple is over, and the worker continues with the next job
            raise
        finally:
            self._tasks.discard(task)

    async def _some_in_a_row(self) -> None:
        """Handles at most ``_IN_A_ROW`` recipients. A copy that its particle can take immediately is handled in this
        loop, without a separate coroutine or call, which would be half of its cost."""
        collected, here = self._collected, self.waiting
        body, template, hops, awaited, echoes = (
            self._wave.body,
            collected.template,
            self._hops,
            collected.open,
            collected.echoes,
        )
        variables = self._out.pool.variables
        places = self._out.places.known
        reply: Pong | None
        replies: list[Pong] = []
        need, agent = self._wave.method.need, self._wave.agent.text
        served: Served | None = None
        handler: Handler | None = None
        arguments: dict[str, Any] | None = None
        for _ in range(_IN_A_ROW):
            if collected.over or not here or perf_counter() > self._turn_ends:
                break
            point = here.popleft()
            place = places.get(point.text)
            try:
                if type(place) is Active:
                    if place.served is not served:
                        served = place.served
                        handler, arguments = self._alike.get(served) or self._handler_of(served)
                    box = place.mailbox
                    # Nothing has to be awaited, and nothing can change the copy, so it takes the turn immediately.
                    if (
                        handler is not None
                        and place.state is _READY
                        and not box.busy
                        and not place.concurrent
                        and place.bind is None
                        and need in place.allowed.get(agent, "")
                    ):
                        box.busy = True
                        try:
                            wave = replace(
                                template,
                                to=point,
                                body=body.copy() if type(body) is dict else body,
                                hops=hops.get(place.star.text, 0),
                            )
                            steps = place.handle(handler, arguments, wave, replies).__await__()
                            waits_for = next(steps, OVER)
                            if waits_for is not OVER:
                                await go_on(HERE, steps, waits_for)
                            reply = replies.pop()
                        except Abandoned:
                            raise place.abandoned(handler, wave) from None
                        finally:
                            if box.waiting is None:  # inlines `leave`
                                box.busy = False
                            else:
                                box.leave()
                        if not collected.over and awaited.pop(point.text, None) is not None:
                            reply.__class__ = Echo  # inlines `take`
                            echoes.append(reply)  # type: ignore[arg-type]  # it is one now
                            if len(echoes) >= collected.wanted:
                                collected.reached()
                        if variables:  # the handler set a variable: another worker continues, see Signals
                            break
                        continue
                    reply = await self._behind_others(point, place)
                else:
                    reply = await self._found(point)
            except HyperverseError as exc:
                reply = collected.refusal(exc)
            except BaseException as exc:
                if ends_task(exc):
                    if not is_told(exc):
                        collected.unreached(point)
                    raise
                reply = collected.star.lost(collected.copy_to(point), exc)
            if reply is not None:
                collected.take(reply, point)

    def _handler_of(self, served: Served) -> _Alike:
        """Returns the handler that takes the wave in every particle of ``served``, with arguments that they may share;
        None for a body that is the only argument."""
        arguments: dict[str, Any] | None = None
        try:
            handler = served.handlers.sure(self._wave.method)
            if handler is not None and type(self._wave.body) is not handler.arguments.direct:
                arguments = handler.arguments.bind(self._wave.body)
        except HyperverseError:
            handler = None
        may_share = self._wave.scope is None and all(type(value) in IMMUTABLE for value in (arguments or {}).values())
        found = self._alike[served] = (handler if may_share else None, arguments)
        return found

    def _pause(self) -> None:
        """Gives other tasks the loop, because handlers that never wait have used up their time in this turn."""
        if not self._pauses:
            self._pauses = True
            self._collected.star.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        self._pauses = False
        self._turn_ends = perf_counter() + _TURN
        with suppress(Unavailable):  # the machine is stopping, and waiting handlers are cancelled
            self._next_worker()

    # -- recipients that require a wait ------------------------------------------------------------------

    def _copy(self, point: Point, place: Place) -> Ripple:
        hops = self._hops.get(place.star.text, 0)
        return replace(self._collected.template, to=point, body=own_copy(self._wave.body), hops=hops)

    async def _behind_others(self, point: Point, place: Active) -> Pong | None:
        """Returns the reply of a particle that is busy, has a bind, or needs the policy's answer; None if it is asked
        later."""
        if self._wave.method.need in place.allowed.get(self._wave.agent.text, ""):
            return await place.receive(self._copy(point, place))
        refusal = place.home.gate.kept_refusal(place, self._collected.template)  # before a copy is made for it
        if refusal is not None:
            return self._collected.refusal(refusal)
        if self._asking >= _ASKED_AT_ONCE:
            self._unasked.append(point)
            return None
        wave = self._copy(point, place)
        self._asking += 1
        try:
            await place.home.gate.authorise(place, wave)
        finally:
            self._asking -= 1
            self._next_of(self._unasked)
        return await place.behind_gate(wave)

    async def _found(self, point: Point) -> Pong | None:
        """Returns the reply of a particle whose place was unknown; None if its echo is already stored, or its place is
        looked up later."""
        if self._finding >= PLACED_AT_ONCE:
            self._unplaced.append(point)  # a task for each waiting recipient would cost more than everything else
            return None
        self._finding += 1
        try:
            async with self._out.placing:
                place = await self._out.location.locate_for(self._collected.template, point)
        finally:
            self._finding -= 1
            self._next_of(self._unplaced)
        if place.remote:
            await self._remote([point], place)
            return None
        return await place.receive(self._copy(point, place))

    def _next_of(self, later: deque[Point]) -> None:
        if later and not self._collected.over:
            self.waiting.append(later.popleft())
            self._next_worker()
