"""The common part of the platform's senders: an origin makes their waves. Plugins do not need it.

The context of a handler is not one of them: it makes its own waves, to save the calls of the hooks.
"""

from __future__ import annotations

import abc
from collections.abc import Awaitable, Sequence
from typing import TypeVar, Unpack

from ...errors import Forbidden, LoopDetected
from ...universe.address.point import ROOT, Point
from ...universe.waves.arguments import to_count
from ...universe.waves.origin import WaveOptions
from ...universe.waves.recipients import to_recipients
from ...universe.waves.wave import Body, Directed, Echo, Method, Ping, Pong, Recipients, Ripple, Signal
from .sending import Sender

__all__ = ["OriginSender"]

W = TypeVar("W", bound=Directed)


class OriginSender(Sender):
    """Makes a wave from the arguments of a call, and sends it. A subclass defines who makes the wave, and how it is
    sent.

    The hooks return awaitables and need not be coroutines themselves: a hook that only forwards costs no coroutine.
    """

    __slots__ = ()

    @abc.abstractmethod
    def _make(self, kind: type[W], to: Point | str, method: Method | str, body: Body, options: WaveOptions) -> W:
        """Makes a wave of this sender; see :meth:`Origin.wave`, also for its errors. Raises LoopDetected when too many
        handlers would wait for one another."""

    @abc.abstractmethod
    def _ask(self, wave: Ping) -> Awaitable[Pong]:
        """Sends a Ping, and returns at its deadline at the latest."""

    @abc.abstractmethod
    def _notify(self, wave: Signal) -> Awaitable[Pong]:
        """Sends a Signal."""

    @abc.abstractmethod
    def _spread(self, wave: Ripple) -> Awaitable[list[Echo]]:
        """Sends a Ripple. Raises HyperverseError when the recipients cannot be determined."""

    def _forbidden(
        self,
        kind: type[Directed],
        to: Point | str,
        method: Method | str,
        body: Body,
        options: WaveOptions,
        error: Forbidden | LoopDetected,
    ) -> Pong:
        """Returns the reply to a wave that this sender may not make. Nobody else is informed here."""
        return Pong.failure(error)

    async def ping(
        self, to: Point | str, method: Method | str, body: Body = None, **options: Unpack[WaveOptions]
    ) -> Pong:
        try:
            wave = self._make(Ping, to, method, body, options)
        except (Forbidden, LoopDetected) as exc:
            return self._forbidden(Ping, to, method, body, options, exc)
        return await self._ask(wave)

    async def signal(
        self, to: Point | str, method: Method | str, body: Body = None, **options: Unpack[WaveOptions]
    ) -> Pong:
        try:
            wave = self._make(Signal, to, method, body, options)
        except Forbidden as exc:
            return self._forbidden(Signal, to, method, body, options, exc)
        return await self._notify(wave)

    async def ripple(
        self,
        to: Recipients | str | Sequence[Point],
        method: Method | str,
        body: Body = None,
        *,
        count: int | None = None,
        **options: Unpack[WaveOptions],
    ) -> list[Echo]:
        try:
            wave = self._make(Ripple, ROOT, method, body, options)
        except Forbidden as exc:
            self._forbidden(Ripple, ROOT, method, body, options, exc)
            raise
        wave.recipients, wave.count = to_recipients(to), to_count(count)
        return await self._spread(wave)
