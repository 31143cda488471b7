"""Sends waves from inside the process while no wave is handled: for drivers, and for programs that run a machine."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from ...contracts.driver.origin_sender import OriginSender
from ...universe.access.scope import Scope
from ...universe.address.point import Point
from ...universe.waves.origin import Origin, WaveOptions
from ...universe.waves.own_copy import IMMUTABLE, own_copy
from ...universe.waves.wave import Body, Directed, Echo, Method, Ping, Pong, Ripple, Signal
from .outbound import Outbound

__all__ = ["LocalSender"]

W = TypeVar("W", bound=Directed)


class LocalSender(OriginSender):
    """Sends waves from one star of this machine.

    Args:
        outbound: the outbound of that star.
        sender: the point from which the waves come.
        agent: the agent on whose behalf they are sent.
        scope: limits on what they may do; None sets no limits.
    """

    def __init__(self, outbound: Outbound, *, sender: Point, agent: Point, scope: Scope | None = None) -> None:
        self._outbound = outbound
        star = outbound.star
        self._origin = Origin(sender, agent, star.text, outbound.ids, star.now, scope=scope)

    def _make(self, kind: type[W], to: Point | str, method: Method | str, body: Body, options: WaveOptions) -> W:
        if type(body) not in IMMUTABLE and kind is not Ripple:  # each recipient of a Ripple gets its own copy
            body = own_copy(body)
        return self._origin.wave(kind, to, method, body, options)

    async def _ask(self, wave: Ping) -> Pong:
        outbound = self._outbound
        with outbound.deadlines.by(wave.deadline):
            return await outbound.ask(wave)
        return outbound.unanswered(wave)  # reached when the deadline has ended the block above

    def _notify(self, wave: Signal) -> Awaitable[Pong]:
        return self._outbound.notify(wave)

    def _spread(self, wave: Ripple) -> Awaitable[list[Echo]]:
        return self._outbound.spread(wave)
