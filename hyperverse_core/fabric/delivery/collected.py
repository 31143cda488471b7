"""The result of one Ripple so far: its echoes, and the recipients that have not answered."""

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
    """Returns the echo of ``point`` with the content of ``reply``."""
    if type(reply) is not Echo:
        reply.__class__ = Echo  # both have the same fields, and nothing else refers to this object
    reply.sender = point
    return reply  # type: ignore[return-value]  # it is one now


@attrs.define(eq=False)
class RippleProgress:
    """The progress of a Ripple.

    Attributes:
        waiting: the recipients that have not answered, by text; None while the recipients are unknown.
        echoes: the echoes that have arrived and were not handed on.
        handed_on: number of echoes that were handed on when they arrived.
    """

    waiting: dict[str, Point] | None = None
    echoes: list[Echo] = attrs.field(factory=list)
    handed_on: int = 0


class Collected:
    """Collects the echoes of one Ripple.

    Args:
        star: where the Ripple starts.
        interceptors: observe the Ripple.
        wave: the Ripple.
        points: its recipients.

    Attributes:
        open: the recipients that have not answered, by text.
        wanted: number of echoes at which :meth:`reached` is called.
        echoes: the echoes that have arrived.
        template: the common fields of all copies; a field added to every wave needs no change here.
        over: whether no more echoes are accepted.
        done: gets the result at the end.
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
            reply.__class__ = Echo  # as in `to_echo`, without a call
        reply.sender = point
        self.echoes.append(reply)  # type: ignore[arg-type]  # it is one now
        if len(self.echoes) >= self.wanted:
            self.reached()

    def reached(self) -> None:
        """Called when as many echoes have arrived as were requested."""
        self.end()

    def end(self) -> None:
        """Accepts no more echoes."""
        self.over = True
        if not self.done.done():
            self.done.set_result(None)

    def copy_to(self, point: Point) -> Ripple:
        """Returns the copy for ``point``, for observers."""
        return replace(self.template, to=point)

    def refusal(self, error: HyperverseError) -> Pong:
        """Returns the reply for a recipient that did not get its copy, and notifies the interceptors."""
        reply = self.star.refusal(self.wave, error)
        self._interceptors.refuse(self.wave, reply)
        return reply

    def unreached(self, point: Point) -> None:
        """Records that the Ripple ended before a handler of ``point`` began. Observers are not notified if enough
        others have answered."""
        interceptors = self._interceptors
        if not interceptors.hears_refusals or len(self.echoes) >= self.wanted:
            return
        late = self.star.loop.time() + EARLY >= self.wave.deadline
        error = f"{point.text!r} did not begin in time" if late else "nobody waits for it any more"
        reply = Pong(408 if late else 503, {"error": error}, point, Outcome.UNKNOWN, self.wave.id, self.star.text)
        interceptors.refuse(self.copy_to(point), reply)
