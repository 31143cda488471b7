"""One Ripple on its way: its copies are grouped by star and sent, and the echoes gathered.

Recipients on this machine are handled by the worker pool, each in the task of whichever worker is free; one timer ends
all that have not answered. For recipients on another machine one frame goes to their star, which does the same there
and sends the echoes back together.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter
from typing import Any, TypeAlias

import attrs
from msgspec.structs import replace

from ...errors import HyperverseError, Unavailable
from ...scheduling.cancellation import ends_task
from ...universe.address.point import Point
from ...universe.waves.own_copy import IMMUTABLE, own_copy
from ...universe.waves.wave import Body, Echo, Outcome, Pong, Ripple
from ..interception.cut_waves import EARLY, is_told, mark_told
from ..particles.active import Active
from ..particles.handlers import Handler
from ..particles.own_context import HERE, OVER, Abandoned, go_on
from ..particles.places import Place
from ..particles.served import Served
from ..particles.state import State
from ..stars.star import Star
from .carriers import PLACED_AT_ONCE, Carriers

__all__ = ["Gathering", "RippleProgress", "to_echo"]

_IN_A_ROW = 128
_ASKED_AT_ONCE = 128
"""Recipients about whom the policy is asked at once: else a Ripple to many whom nobody has asked about would keep the
event loop for as long as all of these answers take."""
_CUT_AT_ONCE = 500
_MISSING_AT_ONCE = 5000
_TURN = 0.01
"""Seconds of one turn of the loop that a Ripple may have, and the handler that is under way then."""
_READY = State.READY
_Alike: TypeAlias = "tuple[Handler | None, dict[str, Any] | None]"


def to_echo(reply: Pong, point: Point) -> Echo:
    """The echo of ``point`` that says the same as ``reply``."""
    if type(reply) is not Echo:
        reply.__class__ = Echo  # they have the same fields, and nobody else has this one
    reply.sender = point
    return reply  # type: ignore[return-value]  # it is one now


@attrs.define(eq=False)
class RippleProgress:
    """How far a Ripple has come.

    Attributes:
        waiting: the recipients that have not answered, by text; None while it is not known who the recipients are.
        echoes: those that have come, and were not handed on.
        handed_on: how many echoes were handed on as they came.
    """

    waiting: dict[str, Point] | None = None
    echoes: list[Echo] = attrs.field(factory=list)
    handed_on: int = 0


class Gathering:
    """Sends the copies of one Ripple from a star of this machine.

    Args:
        out: what carries them.
        star: from which they start.
        wave: the Ripple.
        points: its recipients.

    Attributes:
        open: the recipients that have not answered, by text.
        echoes: those that have come.
    """

    def __init__(self, out: Carriers, star: Star, wave: Ripple, points: list[Point]) -> None:
        self.out = out
        self.star = star
        self.wave = wave
        self.open = {point.text: point for point in points}
        self.wanted = len(self.open) if wave.count is None else min(wave.count, len(self.open))
        self.echoes: list[Echo] = []
        self.tasks: set[asyncio.Task[None]] = set()
        # What all copies have in common is in the template; a field that is added to every wave is there by itself.
        self.template = replace(wave, recipients=(), count=None)
        self.hops = {text: wave.hops + lanes for text, lanes in star.distances.whole().items()}
        self.alike: dict[Served, _Alike] = {}
        self.here: deque[Point] = deque()
        self.unplaced: deque[Point] = deque()
        self.finding = 0
        self.unasked: deque[Point] = deque()
        self.asking = 0
        self.turn_ends = 0.0
        self.pauses = False
        self.over = False
        self.done: asyncio.Future[None] = star.loop.create_future()

    async def run(self) -> list[Echo]:
        """Returns the echoes, in the order in which they came. For a recipient that has not answered in time there is
        one that says so."""
        loop = self.star.loop
        begun = loop.time()
        timer = loop.call_at(self.wave.deadline, self._end) if self.wave.deadline < float("inf") else None
        try:
            self._ask(list(self.open.values()), self.out.pool.put)
            await self._gathered()
        except asyncio.CancelledError as exc:
            mark_told(exc)  # what has become of it is told for each recipient
            raise
        finally:
            if timer is not None:
                timer.cancel()
            self._stop()
        missing = () if self._is_enough() else tuple(self.open.values())
        late = {"error": f"no answer after {self.wave.deadline - begun:g} s"}
        echoes = list(self.echoes)
        for start in range(0, len(missing), _MISSING_AT_ONCE):
            if start:
                await asyncio.sleep(0)  # others want the loop: they may be a hundred thousand
            some = missing[start : start + _MISSING_AT_ONCE]
            echoes += [Echo(408, late, p, Outcome.UNKNOWN, self.wave.id) for p in some]
        return echoes

    async def _gathered(self) -> None:
        """Returns when it is over."""
        if not self.done.done():
            await self.done

    def _is_enough(self) -> bool:
        """Whether enough echoes have arrived, and no sender waits for the others."""
        return self.wave.count is not None and len(self.echoes) >= self.wanted

    def _copy(self, point: Point, place: Place, body: Body) -> Ripple:
        return replace(self.template, to=point, body=body, hops=self.hops.get(place.star.text, 0))

    def _ask(self, points: list[Point], put: Callable[..., None]) -> None:
        """Plans the copies for these recipients. ``put`` plans the first work: it may refuse when there is too much."""
        places = self.out.places.known
        pool = self.out.pool
        remote: dict[str, list[Point]] = {}
        if not self.out.ways.table():  # there is no other machine
            self.here.extend(points)
        else:
            for point in points:
                place = places.get(point.text)
                if place is not None and place.remote:
                    remote.setdefault(place.star.text, []).append(point)
                else:
                    self.here.append(point)
        try:
            put(self._next_ones, priority=self.wave.handling.priority)
        except Unavailable as exc:
            while self.here:
                self._take(self._refusal(exc), self.here.popleft())
        for group in remote.values():
            pool.put_accepted(self._many, group, places[group[0].text], priority=self.wave.handling.priority)

    def _alike(self, served: Served) -> _Alike:
        """The handler that takes the wave in every particle of ``served``, with arguments that they may share; None for
        a body that is the one argument."""
        arguments: dict[str, Any] | None = None
        try:
            handler = served.handlers.sure(self.wave.method)
            if handler is not None and type(self.wave.body) is not handler.arguments.direct:
                arguments = handler.arguments.bind(self.wave.body)
        except HyperverseError:
            handler = None
        may_share = self.wave.scope is None and all(type(value) in IMMUTABLE for value in (arguments or {}).values())
        found = self.alike[served] = (handler if may_share else None, arguments)
        return found

    async def _next_ones(self) -> None:
        """One recipient after the other, in the task of a worker, for as long as none waits. When one does, the next
        worker goes on with the others."""
        here = self.here
        if self.over or not here:
            return
        if perf_counter() > self.turn_ends:
            self._pause()
            return
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        body, template, hops, take, awaited, echoes = (
            self.wave.body,
            self.template,
            self.hops,
            self._take,
            self.open,
            self.echoes,
        )
        variables = self.out.pool.variables
        places = self.out.places.known
        reply: Pong | None
        replies: list[Pong] = []
        need, agent = self.wave.method.need, self.wave.agent.text
        served: Served | None = None
        handler: Handler | None = None
        arguments: dict[str, Any] | None = None
        self.out.pool.put_accepted(self._next_ones, priority=self.wave.handling.priority)
        try:
            for _ in range(_IN_A_ROW):
                if self.over or not here or perf_counter() > self.turn_ends:
                    break
                point = here.popleft()
                place = places.get(point.text)
                try:
                    if type(place) is Active:
                        if place.served is not served:
                            served = place.served
                            handler, arguments = self.alike.get(served) or self._alike(served)
                        box = place.mailbox
                        # Nothing on its way has to be waited for, or could change it: it takes the turn at once.
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
                                if box.waiting is None:  # as `leave` does, without the call
                                    box.busy = False
                                else:
                                    box.leave()
                            if not self.over and awaited.pop(point.text, None) is not None:
                                reply.__class__ = Echo  # as `_take` does, without the call
                                echoes.append(reply)  # type: ignore[arg-type]  # it is one now
                                if len(echoes) >= self.wanted:
                                    self._reached()
                            if variables:  # the handler has set something: another worker goes on, see Signals
                                break
                            continue
                        if need in place.allowed.get(agent, ""):
                            reply = await place.receive(self._copy(point, place, own_copy(body)))
                        else:
                            refusal = place.home.gate.kept_refusal(place, template)  # before a copy is made for it
                            if refusal is not None:
                                take(self._refusal(refusal), point)
                                continue
                            if self.asking >= _ASKED_AT_ONCE:
                                self.unasked.append(point)
                                continue
                            reply = await self._asked(point, place)
                    elif self.finding >= PLACED_AT_ONCE:
                        self.unplaced.append(point)  # a task for each that waits would cost more than all the rest
                        continue
                    else:
                        reply = await self._found(point)
                except HyperverseError as exc:
                    reply = self._refusal(exc)
                except BaseException as exc:
                    if ends_task(exc):
                        if not is_told(exc):
                            self._unreached(point)
                        raise
                    reply = self.star.lost(self._to(point), exc)
                if reply is not None:
                    take(reply, point)
        except asyncio.CancelledError:
            if self.over and task.uncancel() == 0:
                return  # the ripple is over, and the worker goes on with the next job
            raise
        finally:
            self.tasks.discard(task)

    def _pause(self) -> None:
        """Handlers that wait for nothing have had their time in this turn of the loop: others want it too."""
        if not self.pauses:
            self.pauses = True
            self.star.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        self.pauses = False
        self.turn_ends = perf_counter() + _TURN
        with suppress(Unavailable):  # the machine stops, and whoever waits is cut
            self.out.pool.put_accepted(self._next_ones, priority=self.wave.handling.priority)

    async def _found(self, point: Point) -> Pong | None:
        """One whose place is not known yet. None when its echo is taken already."""
        self.finding += 1
        try:
            async with self.out.placing:
                place = await self.out.location.locate_for(self.template, point)
        finally:
            self.finding -= 1
            self._next_unplaced()
        if place.remote:
            await self._many([point], place)
            return None
        return await place.receive(self._copy(point, place, own_copy(self.wave.body)))

    async def _asked(self, point: Point, place: Active) -> Pong:
        """One about whom the policy has to be asked."""
        wave = self._copy(point, place, own_copy(self.wave.body))
        self.asking += 1
        try:
            await place.home.gate.authorise(place, wave)
        finally:
            self.asking -= 1
            if self.unasked and not self.over:
                self.here.append(self.unasked.popleft())
                self.out.pool.put_accepted(self._next_ones, priority=self.wave.handling.priority)
        return await place.behind_gate(wave)

    def _next_unplaced(self) -> None:
        if self.unplaced and not self.over:
            self.here.append(self.unplaced.popleft())
            self.out.pool.put_accepted(self._next_ones, priority=self.wave.handling.priority)

    async def _many(self, points: list[Point], place: Place) -> None:
        """All recipients of one remote star, in one transport."""
        try:
            echoes = await self.out.requests.spread(place.star.text, self.wave, points)
        except HyperverseError as exc:
            echoes = [to_echo(self._refusal(exc), point) for point in points]
        except BaseException as exc:
            if ends_task(exc):
                raise
            echoes = [to_echo(self.star.lost(self._to(point), exc), point) for point in points]
        for echo in echoes:
            self._take(echo, echo.sender)

    def _to(self, point: Point) -> Ripple:
        return replace(self.template, to=point)

    def _refusal(self, error: HyperverseError) -> Pong:
        reply = self.star.refusal(self.wave, error)
        self.out.interceptors.refuse(self.wave, reply)
        return reply

    def _take(self, reply: Pong, point: Point) -> None:
        if self.over or self.open.pop(point.text, None) is None:
            return
        if type(reply) is not Echo:
            reply.__class__ = Echo  # as in to_echo, without a call
        reply.sender = point
        self.echoes.append(reply)  # type: ignore[arg-type]  # it is one now
        if len(self.echoes) >= self.wanted:
            self._reached()

    def _reached(self) -> None:
        """Ends the waiting: as many echoes have arrived as were asked for."""
        self._end()

    def _end(self) -> None:
        self.over = True
        if not self.done.done():
            self.done.set_result(None)

    def _stop(self) -> None:
        """Nobody waits any more: handlers that have not finished are cut."""
        self.over = True
        self._cut_some()
        for waiting in (self.here, self.unplaced, self.unasked):
            while waiting:
                self._unreached(waiting.popleft())

    def _cut_some(self) -> None:
        """Cuts handlers in slices: others want the loop while a hundred thousand end."""
        for _ in range(min(len(self.tasks), _CUT_AT_ONCE)):
            self.tasks.pop().cancel()
        if self.tasks:
            self.star.loop.call_soon(self._cut_some)

    def _unreached(self, point: Point) -> None:
        """The Ripple has ended before a handler of ``point`` began. Nobody is told when enough others have answered."""
        interceptors = self.out.interceptors
        if not interceptors.hears_refusals or len(self.echoes) >= self.wanted:
            return
        late = self.star.loop.time() + EARLY >= self.wave.deadline
        error = f"{point.text!r} did not begin in time" if late else "nobody waits for it any more"
        reply = Pong(408 if late else 503, {"error": error}, point, Outcome.UNKNOWN, self.wave.id, self.star.text)
        interceptors.refuse(self._to(point), reply)
