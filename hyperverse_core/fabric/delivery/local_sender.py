"""Sending waves from inside the process on nobody's wave: drivers, and programs that run a machine."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ...contracts.driver import Sender
from ...errors import Forbidden
from ...universe.access.scope import Scope
from ...universe.address.point import ROOT, Point
from ...universe.waves.wave import Body, Echo, Method, MethodKind, Ping, Pong, Recipients, Ripple, Signal
from ..particles.context import handling_of, timed_out
from ..stars.recipients import to_recipients

if TYPE_CHECKING:
    from ..machine import Machine
    from .outbound import Star

__all__ = ["LocalSender", "send_ping"]


async def send_ping(star: Star, wave: Ping) -> Pong:
    """Asks, and gives up at the wave's deadline."""
    with star.deadlines.by(wave.deadline):
        return await star.ask(wave)
    return timed_out(wave, wave.handling.wait)


class LocalSender(Sender):
    """Sends waves from the machine's own star.

    Args:
        sender: the point that they come from.
        agent: in whose name.
    """

    def __init__(self, machine: Machine, *, sender: Point, agent: Point, scope: Scope | None = None) -> None:
        self._star = machine.machine_star
        self._sender = sender
        self._agent = agent
        self._scope = scope

    async def ping(
        self,
        to: Point | str,
        method: Method | str,
        body: Body = None,
        *,
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        wait: float | None = None,
        retries: int = 0,
        priority: int = 3,
    ) -> Pong:
        star = self._star
        handling = handling_of(wait, retries, priority)
        wave = Ping(
            _point(to),
            _method(method),
            body,
            path,
            headers,
            self._sender,
            self._agent,
            self._scope,
            handling,
            star.loop.time() + handling.wait,
            (),
            0,
            star.new_id(),
            "",
            star.text,
        )
        if wave.method.kind is MethodKind.HYP:
            return star.refusal(wave, Forbidden(f"{method} is between stars"))
        return await send_ping(star, wave)

    async def signal(
        self,
        to: Point | str,
        method: Method | str,
        body: Body = None,
        *,
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        priority: int = 3,
    ) -> Pong:
        star = self._star
        wave = Signal(
            _point(to),
            _method(method),
            body,
            path,
            headers,
            self._sender,
            self._agent,
            self._scope,
            handling_of(None, 0, priority),
            math.inf,
            (),
            0,
            star.new_id(),
            "",
            star.text,
        )
        if wave.method.kind is MethodKind.HYP:
            return star.refusal(wave, Forbidden(f"{method} is between stars"))
        return await star.notify(wave)

    async def ripple(
        self,
        to: Recipients | str | Sequence[Point],
        method: Method | str,
        body: Body = None,
        *,
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        wait: float | None = None,
        count: int | None = None,
        priority: int = 3,
    ) -> list[Echo]:
        star = self._star
        handling = handling_of(wait, 0, priority)
        wave = Ripple(
            ROOT,
            _method(method),
            body,
            path,
            headers,
            self._sender,
            self._agent,
            self._scope,
            handling,
            star.loop.time() + handling.wait,
            (),
            0,
            star.new_id(),
            "",
            star.text,
            to_recipients(to),
            count,
        )
        if wave.method.kind is MethodKind.HYP:
            raise Forbidden(f"{method} is between stars")
        return await star.spread(wave)


def _point(to: Point | str) -> Point:
    return Point.parse(to) if isinstance(to, str) else to


def _method(method: Method | str) -> Method:
    return Method.parse(method) if isinstance(method, str) else method
