"""Sending waves from inside the process, not while a wave is handled: drivers, and programs that run a machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from ...contracts.driver import Sender
from ...errors import Forbidden
from ...universe.access.scope import Scope
from ...universe.address.point import ROOT, Point
from ...universe.waves.arguments import to_count
from ...universe.waves.origin import Origin, WaveOptions, timed_out
from ...universe.waves.own_copy import IMMUTABLE, own_copy
from ...universe.waves.recipients import to_recipients
from ...universe.waves.wave import Body, Echo, Method, Ping, Pong, Recipients, Ripple, Signal
from .outbound import Outbound

__all__ = ["LocalSender"]


class LocalSender(Sender):
    """Sends waves from one star of this machine.

    Args:
        outbound: of that star.
        sender: the point that they come from.
        agent: in whose name.
        scope: bounds of what they may do; None sets none.
    """

    def __init__(self, outbound: Outbound, *, sender: Point, agent: Point, scope: Scope | None = None) -> None:
        self._outbound = outbound
        star = outbound.star
        self._origin = Origin(sender, agent, star.text, outbound.ids, star.now, scope=scope)

    async def ping(
        self, to: Point | str, method: Method | str, body: Body = None, **options: Unpack[WaveOptions]
    ) -> Pong:
        if type(body) not in IMMUTABLE:
            body = own_copy(body)
        try:
            wave = self._origin.wave(Ping, to, method, body, options)
        except Forbidden as exc:
            return Pong.failure(exc)
        outbound = self._outbound
        with outbound.deadlines.by(wave.deadline):
            return await outbound.ask(wave)
        return timed_out(wave, wave.handling.wait)  # reached when the deadline has ended the block above

    async def signal(
        self, to: Point | str, method: Method | str, body: Body = None, **options: Unpack[WaveOptions]
    ) -> Pong:
        if type(body) not in IMMUTABLE:
            body = own_copy(body)
        try:
            wave = self._origin.wave(Signal, to, method, body, options)
        except Forbidden as exc:
            return Pong.failure(exc)
        return await self._outbound.notify(wave)

    async def ripple(
        self,
        to: Recipients | str | Sequence[Point],
        method: Method | str,
        body: Body = None,
        *,
        count: int | None = None,
        **options: Unpack[WaveOptions],
    ) -> list[Echo]:
        wave = self._origin.wave(Ripple, ROOT, method, body, options)
        wave.recipients, wave.count = to_recipients(to), to_count(count)
        return await self._outbound.spread(wave)
