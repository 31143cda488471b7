"""What has come of one Ripple so far: its echoes, and the recipients that have not answered."""

from __future__ import annotations

import asyncio

import attrs
from msgspec.structs import replace

from ...errors import HyperverseError
from ...universe.address.point import Point
from ...universe.waves.wave import Echo, Outcome, Pong, Ripple
from ..interception.cut_waves import EARLY
from ..interception.interceptors import Interceptors
from ..stars.star import Star

__all__ = ["Collected", "RippleProgress", "to_echo"]


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


class Collected:
    """Collects the echoes of one Ripple.

    Args:
        star: where the Ripple starts.
        interceptors: who listens.
        wave: the Ripple.
        points: its recipients.

    Attributes:
        open: the recipients that have not answered, by text.
        wanted: the number of echoes with which :meth:`reached` is called.
        echoes: those that have come.
        template: what all copies have in common, so a field that is added to every wave is there by itself.
        over: whether no more echoes are taken.
        done: gets its result when it is over.
    """

    def __init__(self, star: Star, interceptors: Interceptors, wave: Ripple, points: list[Point]) -> None:
        self.star = star
        self.wave = wave
        self.open = {point.text: point for point in points}
        self.wanted = len(self.open) if wave.count is None else min(wave.count, len(self.open))
        self.echoes: list[Echo] = []
        self.template = replace(wave, recipients=(), count=None)
        self.over = False
        self.done: asyncio.Future[None] = star.loop.create_future()
        self._interceptors = interceptors

    def is_enough(self) -> bool:
        """Whether enough echoes have arrived, and no sender waits for the others."""
        return self.wave.count is not None and len(self.echoes) >= self.wanted

    def take(self, reply: Pong, point: Point) -> None:
        """Keeps the reply of ``point`` as its echo, unless it has one or the Ripple is over."""
        if self.over or self.open.pop(point.text, None) is None:
            return
        if type(reply) is not Echo:
            reply.__class__ = Echo  # as in to_echo, without a call
        reply.sender = point
        self.echoes.append(reply)  # type: ignore[arg-type]  # it is one now
        if len(self.echoes) >= self.wanted:
            self.reached()

    def reached(self) -> None:
        """As many echoes have arrived as were waited for."""
        self.end()

    def end(self) -> None:
        """Takes no more echoes."""
        self.over = True
        if not self.done.done():
            self.done.set_result(None)

    def copy_to(self, point: Point) -> Ripple:
        """The copy for ``point``, for those who are told of it."""
        return replace(self.template, to=point)

    def refusal(self, error: HyperverseError) -> Pong:
        """The reply of a recipient that did not get its copy; interceptors are told of it."""
        reply = self.star.refusal(self.wave, error)
        self._interceptors.refuse(self.wave, reply)
        return reply

    def unreached(self, point: Point) -> None:
        """The Ripple has ended before a handler of ``point`` began. Nobody is told when enough others have answered."""
        interceptors = self._interceptors
        if not interceptors.hears_refusals or len(self.echoes) >= self.wanted:
            return
        late = self.star.loop.time() + EARLY >= self.wave.deadline
        error = f"{point.text!r} did not begin in time" if late else "nobody waits for it any more"
        reply = Pong(408 if late else 503, {"error": error}, point, Outcome.UNKNOWN, self.wave.id, self.star.text)
        interceptors.refuse(self.copy_to(point), reply)
